//! The codes of problems that the command itself reports.

meshform_model::codes! {
    CANNOT_READ "MF0801" "unreadable input"
        "The path does not exist, or may not be read. `-` stands for standard input."
    CANNOT_WRITE "MF0802" "unwritable output"
        "Nothing was changed but what the message names: files are written beside their place and renamed \
         when they are whole."
    NOT_THERE "MF0803" "resource missing from the inputs"
        "The mesh or proxy that an option names is in none of the inputs."
    BAD_OPTION "MF0804" "invalid option value"
        "The message says what the option takes."
    MIRROR_HIDDEN "MF0807" "provider where Terraform does not look"
        "Terraform looks into its implied local mirrors only while its CLI configuration has no \
         `provider_installation` block. With such a block it must name the folder as a `filesystem_mirror`, \
         and `dev_overrides` for `meshform/appmesh` win over everything."
    PROXY_FILE "MF0808" "missing file of a proxy"
        "Paths of certificates and keys are paths on the proxy's machine. With `--check-files ROOT` they are \
         looked for below that folder: an image's or a container's file system, or `/` on the proxy's machine \
         itself. A file must be there, be readable and hold PEM."
}
