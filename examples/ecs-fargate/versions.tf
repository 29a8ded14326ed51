terraform {
  required_version = ">= 1.8"

  required_providers {
    appmesh = {
      source = "meshform/appmesh"
    }
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

# The store is the bucket from which running proxies get their configuration: an apply ends when they can have it.
provider "appmesh" {
  store = "s3://${var.bucket}/${var.prefix}"
}
