//! Conversations with Feishu, DingTalk, WeCom and Alibaba Cloud SMS over real sockets: simulators that check what the providers' documentation asks for,
//! and answer with its error codes. Alerts are forwarded to the real Alertmanager.

mod aliyun_sms;
mod dingtalk;
mod feishu;
mod forward;
mod provider;
mod server;
mod wecom;
