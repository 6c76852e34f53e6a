//! Conversations with Feishu, DingTalk, WeCom and Alibaba Cloud SMS over real sockets: simulators that check what the providers' documentation asks for,
//! and answer with its error codes.

mod aliyun_sms;
mod dingtalk;
mod feishu;
mod provider;
mod server;
mod wecom;
