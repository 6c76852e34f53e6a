//! Conversations with providers over real sockets: simulators that check what the providers' documentation asks for, and answer
//! with its error codes. Alerts are forwarded to the real Alertmanager.

mod aliyun_sms;
mod dingtalk;
mod feishu;
mod forward;
mod jira;
mod opsgenie;
mod pagerduty;
mod provider;
mod server;
mod simulator;
mod slack;
mod sns;
mod telegram;
mod wecom;
