variable "weights" {
  description = "How the requests to serviceb are split between its two versions, in percent."
  type        = object({ serviceb = number, servicebv2 = number })
  default     = { serviceb = 75, servicebv2 = 25 }
}

variable "canary" {
  description = "Whether version 2 of serviceb exists. False removes its node and every way to it in one apply."
  type        = bool
  default     = true
}

variable "publish_directory" {
  description = "The directory that running proxies read."
  type        = string
  default     = "published"
}

variable "servicea_port" {
  description = "The port at which others reach servicea: its Envoy takes it from the network."
  type        = number
  default     = 8080
}

variable "servicea_proxy" {
  description = "Where servicea's Envoy listens for the application's calls, and its admin port."
  type        = object({ port = number, admin_port = number })
  default     = { port = 15001, admin_port = 9901 }
}

variable "addresses" {
  description = <<-EOT
    Where the two versions of serviceb run, when their names do not resolve: on one machine, or in a test.
    Left out, Envoy resolves serviceb.apps.local and servicebv2.apps.local.
  EOT
  type        = object({ serviceb = string, servicebv2 = string })
  default     = null
}
