use super::*;

/// What is told of a configuration; the plugin folder is `/home/me/.terraform.d/plugins`.
fn told(text: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rc");
    fs::write(&path, text).unwrap();
    let told = hides(
        &io(folder.path(), &[("TF_CLI_CONFIG_FILE", &path)]),
        Path::new("/home/me/.terraform.d/plugins"),
    );
    assert!(told.len() <= 1, "both programs read the one file: {told:?}");
    told.into_iter().next().map(|problem| problem.message)
}

fn io(folder: &Path, variables: &[(&str, &Path)]) -> Io {
    let variables = variables.iter();
    Io {
        stdin: Box::new(std::io::empty()),
        stdout: Box::new(std::io::sink()),
        stderr: Box::new(std::io::sink()),
        env: variables
            .map(|(name, path)| ((*name).to_owned(), path.display().to_string()))
            .collect(),
        directory: folder.to_owned(),
        program: None,
        manner: crate::io::OutputStyle::default(),
        lost: None,
    }
}

/// What is told of a home folder with these files.
#[cfg(unix)]
fn told_at_home(files: &[(&str, &str)]) -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let config = home.path().join(".config");
    let io = io(
        home.path(),
        &[("HOME", home.path()), ("XDG_CONFIG_HOME", &config)],
    );
    let told = hides(&io, &home.path().join(".terraform.d/plugins"));
    let base = format!("{}/", home.path().display());
    told.into_iter()
        .map(|problem| problem.message.replace(&base, ""))
        .collect()
}

#[cfg(unix)]
#[test]
fn all_files_that_the_programs_read_are_looked_at() {
    const DIRECT: &str = "provider_installation {\n direct {}\n}";
    const JSON: &str = r#"{"disable_checkpoint": true, "provider_installation": [{"direct": {}}]}"#;
    let none: &[&str] = &[];
    let both = "Terraform will not look into `.terraform.d/plugins`: `";
    let tofu = "OpenTofu will not look into `.terraform.d/plugins`: `";
    for (files, expected) in [
        (
            &[(".terraform.d/x.tfrc", DIRECT)][..],
            vec![format!("{both}.terraform.d/x.tfrc`, line 1")],
        ),
        (
            &[(".terraform.d/x.tfrc.json", JSON)],
            vec![format!("{both}.terraform.d/x.tfrc.json`, line 1")],
        ),
        (
            // The first that is found counts: two are refused by the programs themselves.
            &[(".terraformrc", DIRECT), (".terraform.d/x.tfrc", DIRECT)],
            vec![format!("{both}.terraformrc`, line 1")],
        ),
        (&[(".tofurc", DIRECT)], vec![format!("{tofu}.tofurc`, line 1")]),
        (
            &[(".config/opentofu/tofurc", DIRECT)],
            vec![format!("{tofu}.config/opentofu/tofurc`, line 1")],
        ),
    ] {
        let told = told_at_home(files);
        assert_eq!(told.len(), expected.len(), "{files:?}: {told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(&expected), "{files:?}: {told}");
        }
    }
    // A file of OpenTofu's own is read instead of Terraform's, and not by Terraform.
    for files in [
        &[(".terraform.d/x.hcl", DIRECT)][..],
        &[(".terraform.d/sub/x.tfrc", DIRECT)],
        &[(".tofurc", "plugin_cache_dir = \"/x\"")],
        // OpenTofu goes by XDG only where there is nothing of the older kind.
        &[(".terraformrc", ""), (".config/opentofu/tofurc", DIRECT)],
    ] {
        assert_eq!(told_at_home(files), none, "{files:?}");
    }
    let told = told_at_home(&[(".terraformrc", DIRECT), (".tofurc", "")]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with(both), "{told:?}");
}

#[test]
fn a_configuration_that_is_named_is_the_only_one() {
    let folder = tempfile::tempdir().unwrap();
    let named = folder.path().join("rc");
    fs::write(&named, "").unwrap();
    fs::write(folder.path().join(".terraformrc"), "provider_installation {}").unwrap();
    let plugins = folder.path().join(".terraform.d/plugins");
    for variable in ["TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"] {
        let variables = [("HOME", folder.path()), (variable, named.as_path())];
        assert!(hides(&io(folder.path(), &variables), &plugins).is_empty());
    }
    let variables = [("HOME", folder.path()), ("TF_CLI_CONFIG_FILE", Path::new(""))];
    assert_eq!(
        hides(&io(folder.path(), &variables), &plugins).len(),
        1,
        "an empty variable names nothing"
    );
}

#[test]
fn configurations_that_let_terraform_look() {
    for text in [
        "",
        "credentials \"x\" { token = \"y\" }",
        "# provider_installation {}",
        "/* provider_installation { direct {} } */",
        "x = \"provider_installation {\"",
        "provider_installation {\n filesystem_mirror {\n path = \"/home/me/.terraform.d/plugins\"\n }\n direct {}\n}",
        "provider_installation {\n filesystem_mirror {\n path = \"/home/me/.terraform.d/plugins\"\n include = \
         [\"registry.terraform.io/meshform/*\"]\n }\n}",
        r#"{"provider_installation": {"filesystem_mirror": {"path": "/home/me/.terraform.d/plugins", "include":
            ["meshform/appmesh"]}, "direct": {"exclude": ["meshform/appmesh"]}}}"#,
        "provider_installation {\n dev_overrides { \"hashicorp/aws\" = \"/x\" }\n filesystem_mirror { path = \
         \"/home/me/.terraform.d/plugins\" }\n}",
    ] {
        assert_eq!(told(text), None, "{text}");
    }
}

#[test]
fn configurations_that_hide_the_place() {
    for (text, part) in [
        (
            "provider_installation {\n direct {}\n}",
            "line 1, has a `provider_installation`",
        ),
        (
            "\n\nprovider_installation {\n filesystem_mirror { path = \"/other\" }\n}",
            "line 3",
        ),
        (
            "provider_installation {\n filesystem_mirror {\n path = \"/home/me/.terraform.d/plugins\"\n include = \
             [\"hashicorp/*\"]\n }\n}",
            "will not look",
        ),
        (
            "provider_installation {\n filesystem_mirror {\n path = \"/home/me/.terraform.d/plugins\"\n exclude = \
             [\"meshform/appmesh\"]\n }\n}",
            "will not look",
        ),
        (
            "provider_installation {\n dev_overrides {\n \"meshform/appmesh\" = \"/x\"\n }\n direct {}\n}",
            "`dev_overrides`",
        ),
        ("provider_installation {", "will not look"),
        (
            r#"{"provider_installation": {"filesystem_mirror": {"path": "/home/me/.terraform.d/plugins", "exclude":
            ["meshform/*"]}}}"#,
            "will not look",
        ),
        (
            r#"{"provider_installation": {"dev_overrides": {"meshform/appmesh": "/x"}, "direct": {}}}"#,
            "`dev_overrides`",
        ),
    ] {
        let message = told(text);
        assert!(
            message.as_deref().is_some_and(|m| m.contains(part)),
            "{text}: {message:?}"
        );
    }
}
