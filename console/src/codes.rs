//! The codes of the console's problems.

meshform_model::codes! {
    EXPIRED_FORM "MF0821" "console form from another session"
        "Each form of the console carries a token of its session, so that no other site can submit it. Load the \
         page again and repeat the action."
    PROMETHEUS "MF0823" "invalid Prometheus address"
        "Use an address that begins with `http://` or `https://` and has no query: `http://prometheus:9090`, or \
         `https://metrics.example/prometheus`. The console reads live figures from a Prometheus that scrapes the \
         Envoys."
    NOT_ALLOWED "MF0822" "console action without permission"
        "Pinning, unpinning and publishing a release need a key with write permission for the mesh."
}
