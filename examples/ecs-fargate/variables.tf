variable "bucket" {
  description = "The bucket that holds the mesh."
  type        = string
}

variable "prefix" {
  description = "What the keys of the mesh's objects begin with in the bucket."
  type        = string
  default     = "shop"
}

variable "proxy_image" {
  description = "The container image with meshform-agent and Envoy (`cargo xtask dist --oci` makes it)."
  type        = string
}

variable "images" {
  description = "The application's image of each service."
  type        = map(string)
  default = {
    web       = "registry.example/web:3"
    prices-v1 = "registry.example/prices:1"
    prices-v2 = "registry.example/prices:2"
  }
}

variable "canary" {
  description = "How many of 100 requests the second version of prices gets. No task definition changes with it."
  type        = number
  default     = 0
}

variable "cluster" {
  description = "The ARN of the ECS cluster."
  type        = string
}

variable "vpc" {
  description = "The id of the network."
  type        = string
}

variable "subnets" {
  description = "The ids of the subnets in which tasks run."
  type        = list(string)
}

variable "region" {
  description = "The region, for logs and for the poller."
  type        = string
}
