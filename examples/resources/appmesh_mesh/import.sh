terraform import appmesh_mesh.apps apps
