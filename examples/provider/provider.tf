terraform {
  required_providers {
    appmesh = {
      source = "meshform/appmesh"
    }
  }
}

provider "appmesh" {
  # Where the resources are kept. Back it up as you back up your states.
  store = "mesh-store"

  # Whose resources these are. Each team, or each state, has a name of its own.
  owner = "shop"

  # Where running proxies find their configuration. Every apply refreshes it.
  publish_directory = "published"

  # What App Mesh allowed, but for more gateways. Without this there are no limits.
  quotas {
    preset           = "aws"
    virtual_gateways = 10
  }

  default_tags {
    tags = {
      team = "shop"
    }
  }
}
