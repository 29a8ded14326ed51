//! The naming rules of the dialects. What they do not derive is annotated in the schema.

pub(crate) fn same(name: &str) -> String {
    name.to_owned()
}

/// `http2Route` → `http2_route`.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            if !out.is_empty() {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// `http2Route` → `Http2Route`.
pub(crate) fn pascal(name: &str) -> String {
    let mut chars = name.chars();
    match chars.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + chars.as_str(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_derived() {
        assert_eq!(snake("awsCloudMap"), "aws_cloud_map");
        assert_eq!(snake("http2Route"), "http2_route");
        assert_eq!(snake("certificateAuthorityArns"), "certificate_authority_arns");
        assert_eq!(pascal("ipPreference"), "IpPreference");
        assert_eq!(pascal(""), "");
    }
}
