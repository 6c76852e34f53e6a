use crate::samples;
use crate::trial::Trial;

const WEBHOOK: &str = "webhook_url: 'https://discord.example.org/api/webhooks/1/t'";

#[tokio::test]
async fn who_we_are_is_no_template() {
    let yaml = format!(
        "discord_configs: [{{{WEBHOOK}, username: '{{{{ .Status }}}}', avatar_url: 'http://a.example.org/{{{{ .Nope }}}}'}}]"
    );
    let trial = Trial::new(&yaml);
    let delivered = trial.fire().await.unwrap();
    assert_eq!(delivered.fallback, None);
    let body = trial.body();
    assert_eq!(body["username"], "{{ .Status }}");
    assert_eq!(body["avatar_url"], "http://a.example.org/{{ .Nope }}");
}

#[tokio::test]
async fn a_text_that_is_too_long_is_cut_above_the_remarks() {
    let long = "x".repeat(5000);
    let yaml = format!("discord_configs: [{{{WEBHOOK}, message: {long}}}]");
    let trial = Trial::new(&yaml);
    trial.fire().await.unwrap();
    let said = trial.body()["embeds"][0]["description"].clone();
    let said = said.as_str().expect("a text");
    assert_eq!(said.chars().count(), 4096);
    assert!(said.ends_with("x…"), "{said}");
    let mut notification = samples::notification(&[("n1", false)]);
    notification.still_firing = 7;
    notification.instead_of = Some("ops".into());
    trial.deliver(&notification).await.unwrap();
    let said = trial.body()["embeds"][0]["description"].clone();
    let said = said.as_str().expect("a text");
    assert_eq!(said.chars().count(), 4096);
    assert!(said.contains("x…\n\nReceiver ops could not"), "{said}");
    assert!(said.ends_with("7 alerts that were told before are still firing."));
}
