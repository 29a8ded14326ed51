//! The codes of the console's problems.

meshform_model::codes! {
    EXPIRED_FORM "MF0821" "console form from another session"
        "Each form of the console carries a token of the session that it was shown in, so that no other page can send \
         it. Load the page again and repeat what you did."
    PROMETHEUS "MF0823" "address of Prometheus that is none"
        "Live numbers of the console come from a Prometheus that scrapes the Envoys. Its address begins with `http://` or \
         `https://`, and has no query: `http://prometheus:9090`, or `https://metrics.example/prometheus`."
    NOT_ALLOWED "MF0822" "console action without permission"
        "Pinning, letting go and publishing a release need a key that may write to the mesh."
}
