//! Conversations with Feishu, DingTalk and WeCom over real sockets: simulators that check what the providers' documentation asks for,
//! and answer with its error codes.

mod dingtalk;
mod feishu;
mod provider;
mod server;
mod wecom;
