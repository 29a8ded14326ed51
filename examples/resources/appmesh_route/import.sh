terraform import appmesh_route.by_weight apps/serviceb/by-weight
