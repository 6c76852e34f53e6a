//! Amazon's files of profiles: `~/.aws/credentials` and `~/.aws/config`.

use std::path::PathBuf;

use super::Variables;
use super::sign::Keys;
use crate::secrets::read_trimmed;

/// A profile as far as anybody here asks: its settings by name.
pub(super) struct Profile {
    settings: Vec<(String, String)>,
}

impl Profile {
    /// Reads a profile; what the file of credentials says wins. A file that is missing says nothing.
    pub(super) async fn read(name: &str, variables: Variables<'_>) -> Self {
        let mut settings = Vec::new();
        for (variable, file) in [
            ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            ("AWS_CONFIG_FILE", "config"),
        ] {
            let Some(path) = path_of(variables, variable, file) else {
                continue;
            };
            // Whoever needs what it would have said says that it is missing.
            let text = read_trimmed(&path).await.unwrap_or_default();
            settings.extend(section(&text, name));
        }
        Self { settings }
    }

    /// A setting, unless it is missing or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut settings = self.settings.iter();
        let found = settings.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The profile's own keys.
    pub(super) fn keys(&self) -> Option<Keys> {
        Keys::named(|name| self.get(name).map(str::to_owned))
    }
}

fn path_of(variables: Variables<'_>, variable: &str, file: &str) -> Option<PathBuf> {
    if let Some(path) = variables(variable) {
        return Some(PathBuf::from(path));
    }
    let home = variables("HOME").or_else(|| variables("USERPROFILE"))?;
    Some(PathBuf::from(home).join(".aws").join(file))
}

/// The settings of a profile's section, whose heading is `[name]` or `[profile name]`.
fn section(text: &str, name: &str) -> Vec<(String, String)> {
    let mut is_ours = false;
    let mut settings = Vec::new();
    for line in text.lines() {
        // A line that is set in belongs to a setting with parts, none of which is looked for.
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(heading) = line.strip_prefix('[') {
            let heading = heading.split(']').next().unwrap_or_default().trim();
            let heading = heading.strip_prefix("profile ").unwrap_or(heading);
            is_ours = heading.trim() == name;
        } else if let Some((key, value)) = line.split_once('=')
            && is_ours
        {
            let value = value.split(" #").next().unwrap_or_default().trim();
            if !value.is_empty() {
                settings.push((key.trim().to_ascii_lowercase(), value.to_owned()));
            }
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# mine\n[default]\nregion = eu-west-1 # near\naws_access_key_id=A\n\n[profile ops]\nRegion=us-east-2\n\
        s3 =\n  region = no\nrole_arn = arn:aws:iam::1:role/r\nnonsense\n[other]\nregion=x\n";

    #[test]
    fn a_section_holds_the_settings_of_its_profile() {
        let pairs = |name| section(FILE, name);
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let pairs = pairs.iter();
            pairs
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let default = [("region", "eu-west-1"), ("aws_access_key_id", "A")];
        assert_eq!(pairs("default"), owned(&default));
        let ops = [
            ("region", "us-east-2"),
            ("role_arn", "arn:aws:iam::1:role/r"),
        ];
        assert_eq!(pairs("ops"), owned(&ops));
        assert_eq!(pairs("nobody"), []);
    }
}
