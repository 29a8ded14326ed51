//! The tree of modules around the generated files, one module per part of a package's name.
//!
//! The files beside this one are written by `cargo xtask codegen`; only this one is written by hand.

pub mod envoy {
    pub mod config {
        pub mod accesslog {
            pub mod v3 {
                include!("envoy.config.accesslog.v3.rs");
            }
        }
        pub mod bootstrap {
            pub mod v3 {
                include!("envoy.config.bootstrap.v3.rs");
            }
        }
        pub mod cluster {
            pub mod v3 {
                include!("envoy.config.cluster.v3.rs");
            }
        }
        pub mod core {
            pub mod v3 {
                include!("envoy.config.core.v3.rs");
            }
        }
        pub mod endpoint {
            pub mod v3 {
                include!("envoy.config.endpoint.v3.rs");
            }
        }
        pub mod listener {
            pub mod v3 {
                include!("envoy.config.listener.v3.rs");
            }
        }
        pub mod metrics {
            pub mod v3 {
                include!("envoy.config.metrics.v3.rs");
            }
        }
        pub mod overload {
            pub mod v3 {
                include!("envoy.config.overload.v3.rs");
            }
        }
        pub mod route {
            pub mod v3 {
                include!("envoy.config.route.v3.rs");
            }
        }
        pub mod trace {
            pub mod v3 {
                include!("envoy.config.trace.v3.rs");
            }
        }
    }
    pub mod extensions {
        pub mod access_loggers {
            pub mod file {
                pub mod v3 {
                    include!("envoy.extensions.access_loggers.file.v3.rs");
                }
            }
            pub mod stream {
                pub mod v3 {
                    include!("envoy.extensions.access_loggers.stream.v3.rs");
                }
            }
        }
        pub mod clusters {
            pub mod common {
                pub mod dns {
                    pub mod v3 {
                        include!("envoy.extensions.clusters.common.dns.v3.rs");
                    }
                }
            }
            pub mod dns {
                pub mod v3 {
                    include!("envoy.extensions.clusters.dns.v3.rs");
                }
            }
        }
        pub mod filters {
            pub mod common {
                pub mod fault {
                    pub mod v3 {
                        include!("envoy.extensions.filters.common.fault.v3.rs");
                    }
                }
            }
            pub mod http {
                pub mod cors {
                    pub mod v3 {
                        include!("envoy.extensions.filters.http.cors.v3.rs");
                    }
                }
                pub mod fault {
                    pub mod v3 {
                        include!("envoy.extensions.filters.http.fault.v3.rs");
                    }
                }
                pub mod health_check {
                    pub mod v3 {
                        include!("envoy.extensions.filters.http.health_check.v3.rs");
                    }
                }
                pub mod local_ratelimit {
                    pub mod v3 {
                        include!("envoy.extensions.filters.http.local_ratelimit.v3.rs");
                    }
                }
                pub mod router {
                    pub mod v3 {
                        include!("envoy.extensions.filters.http.router.v3.rs");
                    }
                }
            }
            pub mod listener {
                pub mod original_dst {
                    pub mod v3 {
                        include!("envoy.extensions.filters.listener.original_dst.v3.rs");
                    }
                }
                pub mod proxy_protocol {
                    pub mod v3 {
                        include!("envoy.extensions.filters.listener.proxy_protocol.v3.rs");
                    }
                }
                pub mod tls_inspector {
                    pub mod v3 {
                        include!("envoy.extensions.filters.listener.tls_inspector.v3.rs");
                    }
                }
            }
            pub mod network {
                pub mod http_connection_manager {
                    pub mod v3 {
                        include!("envoy.extensions.filters.network.http_connection_manager.v3.rs");
                    }
                }
                pub mod tcp_proxy {
                    pub mod v3 {
                        include!("envoy.extensions.filters.network.tcp_proxy.v3.rs");
                    }
                }
            }
        }
        pub mod load_balancing_policies {
            pub mod common {
                pub mod v3 {
                    include!("envoy.extensions.load_balancing_policies.common.v3.rs");
                }
            }
            pub mod least_request {
                pub mod v3 {
                    include!("envoy.extensions.load_balancing_policies.least_request.v3.rs");
                }
            }
            pub mod maglev {
                pub mod v3 {
                    include!("envoy.extensions.load_balancing_policies.maglev.v3.rs");
                }
            }
            pub mod ring_hash {
                pub mod v3 {
                    include!("envoy.extensions.load_balancing_policies.ring_hash.v3.rs");
                }
            }
            pub mod round_robin {
                pub mod v3 {
                    include!("envoy.extensions.load_balancing_policies.round_robin.v3.rs");
                }
            }
        }
        pub mod resource_monitors {
            pub mod downstream_connections {
                pub mod v3 {
                    include!("envoy.extensions.resource_monitors.downstream_connections.v3.rs");
                }
            }
            pub mod fixed_heap {
                pub mod v3 {
                    include!("envoy.extensions.resource_monitors.fixed_heap.v3.rs");
                }
            }
        }
        pub mod retry {
            pub mod host {
                pub mod previous_hosts {
                    pub mod v3 {
                        include!("envoy.extensions.retry.host.previous_hosts.v3.rs");
                    }
                }
            }
        }
        pub mod transport_sockets {
            pub mod raw_buffer {
                pub mod v3 {
                    include!("envoy.extensions.transport_sockets.raw_buffer.v3.rs");
                }
            }
            pub mod tls {
                pub mod v3 {
                    include!("envoy.extensions.transport_sockets.tls.v3.rs");
                }
            }
        }
        pub mod upstreams {
            pub mod http {
                pub mod v3 {
                    include!("envoy.extensions.upstreams.http.v3.rs");
                }
            }
        }
    }
    pub mod r#type {
        pub mod matcher {
            pub mod v3 {
                include!("envoy.r#type.matcher.v3.rs");
            }
        }
        pub mod tracing {
            pub mod v3 {
                include!("envoy.r#type.tracing.v3.rs");
            }
        }
        pub mod v3 {
            include!("envoy.r#type.v3.rs");
        }
    }
    pub mod service {
        pub mod discovery {
            pub mod v3 {
                include!("envoy.service.discovery.v3.rs");
            }
        }
    }
}
pub mod google {
    pub mod rpc {
        include!("google.rpc.rs");
    }
}
