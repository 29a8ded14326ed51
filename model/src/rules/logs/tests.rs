//! What Envoy 1.40 was asked, and what it answered.

use super::*;

#[test]
fn what_envoy_takes_is_taken() {
    for text in [
        "",
        "plain %%",
        "%%%%",
        "a%%START_TIME%%",
        "[%START_TIME%] %REQ(X-A?:AUTHORITY):10% %DURATION%\n",
        "%START_TIME(%Y/%m/%dT%H:%M:%S%z %s)%",
        "%START_TIME(%E4n)%",
        "%START_TIME(%)%",
        "%START_TIME()%",
        "%BYTES_SENT()%",
        "%REQ(?X)%",
        "%REQ(X?)%",
        "%REQ(X%Y)%",
        "%REQ(X):18446744073709551615%",
        "%COMMON_DURATION(DS_RX_BEG:US_TX_END)%",
        "%COMMON_DURATION(a:b:ns)%",
        "%FILTER_STATE(a)%",
        "%FILTER_STATE(a:FIELD:b)%",
        "%METADATA(ROUTE:a):3%",
        "%PATH(NQ:ORIG)%",
        "%PATH(WQ:ORIG:x):5%",
        "%GRPC_STATUS(SNAKE_STRING)%",
        "%REQUESTED_SERVER_NAME(HOST_FIRST:HOST)%",
        "%RESPONSE_CODE_DETAILS(X)%",
        "%CEL(request.headers['a b'].x):3%",
    ] {
        assert_eq!(read(text).map_err(|fault| fault.what).err(), None, "{text}");
    }
}

#[test]
fn what_envoy_refuses_is_refused() {
    for text in [
        "100%",
        "%%%",
        "% %",
        "%NOPE%",
        "%bytes_sent%",
        "%START_TIME",
        "%REQ(X)",
        "%REQ(X)%%",
        "%REQ%",
        "%REQ()%",
        "%REQ(x y)%",
        "%REQ(x:y)%",
        "%REQ(:)%",
        "%REQ(A?B?C)%",
        "%REQ(X):-1%",
        "%REQ(X):x%",
        "%REQ(X):18446744073709551616%",
        "%BYTES_SENT(x)%",
        "%BYTES_SENT:5%",
        "%START_TIME:5%",
        "%START_TIME(%n)%",
        "%START_TIME(%-_9En)%",
        "%START_TIME(a\nb)%",
        "%COMMON_DURATION(x)%",
        "%COMMON_DURATION(a:b:s)%",
        "%COMMON_DURATION(a:b):3%",
        "%FILTER_STATE(:PLAIN)%",
        "%FILTER_STATE(a:FIELD)%",
        "%METADATA(NOPE:a)%",
        "%PATH(XX)%",
        "%QUERY_PARAMS(ORIG:x)%",
        "%GRPC_STATUS(x)%",
        "%CEL(a.1)%",
        "%CEL(a..b)%",
        "%COALESCE({})%",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn operators_that_are_new_are_told_with_their_version() {
    assert_eq!(
        newer_log_operators("%START_TIME% %SPAN_ID% %%"),
        [("SPAN_ID".to_owned(), 38)]
    );
    let parts = "%METADATA(ROUTE:a)% %METADATA(LISTENER_FILTER_CHAIN:a)% %DYNAMIC_METADATA(a)% %DYNAMIC_METADATA(a):3%";
    let found: Vec<u16> = newer_log_operators(parts)
        .into_iter()
        .map(|(_, minor)| minor)
        .collect();
    assert_eq!(found, [37, 37]);
}
