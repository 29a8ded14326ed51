terraform import appmesh_virtual_service.serviceb apps/serviceb.apps.local
