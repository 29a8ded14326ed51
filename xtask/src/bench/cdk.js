// The template of the bench, synthesised with aws-cdk-lib and written.
const { App, Stack, aws_appmesh: m } = require('aws-cdk-lib');

const app = new App();
const stack = new Stack(app, 'large', { analyticsReporting: false });
// More resources than a stack may have are no fault here.
stack.node.setContext('@aws-cdk/core:stackResourceLimit', 0);
const mesh = new m.CfnMesh(stack, 'Mesh', { meshName: 'large' }).attrMeshName;
for (let at = 0; at < Number(process.argv[2]); at += 1) {
  const portMapping = { port: 8080, protocol: 'http' };
  const node = new m.CfnVirtualNode(stack, `Node${at}`, {
    meshName: mesh, virtualNodeName: `node-${at}`,
    spec: {
      listeners: [{ portMapping, timeout: { http: { perRequest: { unit: 's', value: 15 } } } }],
      serviceDiscovery: { dns: { hostname: `node-${at}.large.internal` } },
    },
  });
  const router = new m.CfnVirtualRouter(stack, `Router${at}`, {
    meshName: mesh, virtualRouterName: `router-${at}`, spec: { listeners: [{ portMapping }] },
  });
  new m.CfnRoute(stack, `Route${at}`, {
    meshName: mesh, virtualRouterName: router.attrVirtualRouterName, routeName: 'all',
    spec: { httpRoute: {
      match: { prefix: '/' },
      action: { weightedTargets: [{ virtualNode: node.attrVirtualNodeName, weight: 1 }] },
    } },
  });
  new m.CfnVirtualService(stack, `Service${at}`, {
    meshName: mesh, virtualServiceName: `service-${at}.large.internal`,
    spec: { provider: { virtualRouter: { virtualRouterName: router.attrVirtualRouterName } } },
  });
}
process.stdout.write(JSON.stringify(app.synth().getStackByName('large').template));
