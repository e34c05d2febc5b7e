//! Checks `output`: a folder, or a bucket of an object store with a folder beside the store
//! that it is a copy of.

use std::path::{Path, PathBuf};

use url::Url;

use super::check::Checker;
use super::error::ConfigError;
use super::{Environment, Secret, file};
use crate::publish::bucket::BucketConfig;

/// Where documents are put in place before they are copied to a bucket.
const LOCAL_COPY: &str = "published";
const REGION: &str = "us-east-1";

pub(super) struct Output {
    pub(super) folder: PathBuf,
    pub(super) bucket: Option<BucketConfig>,
}

impl Checker<'_> {
    pub(super) fn output(
        &self,
        section: file::OutputSection,
        base: &Path,
        store_path: &Path,
        environment: &Environment,
    ) -> Result<Output, ConfigError> {
        let text = section.folder.clone().unwrap_or_else(|| "public".into());
        let key = ["output", "folder"];
        if let Some(place) = text.strip_prefix("s3://") {
            let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
            self.bucket_name(name)?;
            let bucket = self.bucket(section, name, prefix, base, environment)?;
            let beside = store_path.parent().unwrap_or(Path::new(""));
            return Ok(Output { folder: beside.join(LOCAL_COPY), bucket: Some(bucket) });
        }
        if text.contains("://") {
            return Err(self.wrong(
                &key,
                format!("`output.folder` is neither a folder nor a bucket: `{text}`"),
                "write `public`, or `s3://BUCKET/PREFIX`",
            ));
        }
        let is_set = |is_set: bool, name| is_set.then_some(name);
        let stray = is_set(section.region.is_some(), "region")
            .or(is_set(section.endpoint.is_some(), "endpoint"))
            .or(is_set(section.access_key.is_some(), "access_key"))
            .or(is_set(section.secret_key_file.is_some(), "secret_key_file"));
        if let Some(name) = stray {
            return Err(self.wrong(
                &["output", name],
                format!("`output.{name}` belongs to a bucket, and `output.folder` is a folder"),
                "remove it, or write `folder: s3://BUCKET/PREFIX`",
            ));
        }
        Ok(Output { folder: base.join(text), bucket: None })
    }

    /// The rules of Amazon S3 for bucket names.
    fn bucket_name(&self, name: &str) -> Result<(), ConfigError> {
        let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let fits = (3..=63).contains(&name.len())
            && name.bytes().all(|b| is_letter(b) || matches!(b, b'-' | b'.'))
            && name.as_bytes().first().is_some_and(|b| is_letter(*b))
            && name.as_bytes().last().is_some_and(|b| is_letter(*b));
        if fits {
            return Ok(());
        }
        Err(self.wrong(
            &["output", "folder"],
            format!("`output.folder` names no bucket: `{name}`"),
            "a bucket has 3 to 63 lower-case letters, digits, dots and hyphens",
        ))
    }

    fn bucket(
        &self,
        section: file::OutputSection,
        name: &str,
        prefix: &str,
        base: &Path,
        environment: &Environment,
    ) -> Result<BucketConfig, ConfigError> {
        let endpoint = section.endpoint.or_else(|| environment.bucket_endpoint.clone());
        let endpoint = endpoint
            .map(|text| {
                let url = Url::parse(&text).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
                url.ok_or_else(|| {
                    self.wrong(
                        &["output", "endpoint"],
                        format!("`output.endpoint` is not a web address: `{text}`"),
                        "write `https://s3.example.org`, or leave it out for Amazon's own",
                    )
                })
            })
            .transpose()?;
        let access_key = environment.bucket_key.clone().or(section.access_key);
        let from_file = section.secret_key_file.map(|file| self.secret(base, &file)).transpose()?;
        let secret_key = environment.bucket_secret.clone().or(from_file);
        let (Some(access_key), Some(secret_key)) = (access_key, secret_key) else {
            return Err(self.wrong(
                &["output", "folder"],
                format!("nothing says how to write to `s3://{name}`"),
                "set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `output.access_key` and \
                 `output.secret_key_file`",
            ));
        };
        Ok(BucketConfig {
            bucket: name.to_owned(),
            prefix: prefix.to_owned(),
            endpoint,
            region: section
                .region
                .or_else(|| environment.bucket_region.clone())
                .unwrap_or_else(|| REGION.to_owned()),
            access_key,
            secret_key,
            session_token: environment.bucket_token.clone(),
        })
    }

    fn secret(&self, base: &Path, file: &Path) -> Result<Secret, ConfigError> {
        let path = base.join(file);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            self.wrong(
                &["output", "secret_key_file"],
                format!("`output.secret_key_file` cannot be read: `{}`: {error}", path.display()),
                "make it readable to tidings, or set `AWS_SECRET_ACCESS_KEY`",
            )
        })?;
        Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}
