terraform {
  required_version = ">= 1.8"

  required_providers {
    appmesh = {
      source = "meshform/appmesh"
    }
  }
}

provider "appmesh" {
  # Where running proxies find their configuration. Every apply refreshes it.
  publish_directory = var.publish_directory
}
