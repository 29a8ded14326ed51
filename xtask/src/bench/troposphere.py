"""The template of the bench, built with troposphere and written."""
import sys

import troposphere
from troposphere import GetAtt, Template, appmesh as m

# More resources than a stack may have are no fault here.
troposphere.MAX_RESOURCES = 1_000_000
template = Template()
template.add_resource(m.Mesh("Mesh", MeshName="large"))
mesh = GetAtt("Mesh", "MeshName")
for at in range(int(sys.argv[1])):
    node, router = f"Node{at}", f"Router{at}"
    port = m.PortMapping(Port=8080, Protocol="http")
    template.add_resource(m.VirtualNode(
        node, MeshName=mesh, VirtualNodeName=f"node-{at}",
        Spec=m.VirtualNodeSpec(
            Listeners=[m.Listener(PortMapping=port, Timeout=m.ListenerTimeout(
                HTTP=m.HttpTimeout(PerRequest=m.Duration(Unit="s", Value=15))))],
            ServiceDiscovery=m.ServiceDiscovery(
                DNS=m.DnsServiceDiscovery(Hostname=f"node-{at}.large.internal")))))
    template.add_resource(m.VirtualRouter(
        router, MeshName=mesh, VirtualRouterName=f"router-{at}",
        Spec=m.VirtualRouterSpec(Listeners=[m.VirtualRouterListener(PortMapping=port)])))
    template.add_resource(m.Route(
        f"Route{at}", MeshName=mesh, VirtualRouterName=GetAtt(router, "VirtualRouterName"), RouteName="all",
        Spec=m.RouteSpec(HttpRoute=m.HttpRoute(
            Match=m.HttpRouteMatch(Prefix="/"),
            Action=m.HttpRouteAction(WeightedTargets=[
                m.WeightedTarget(VirtualNode=GetAtt(node, "VirtualNodeName"), Weight=1)])))))
    template.add_resource(m.VirtualService(
        f"Service{at}", MeshName=mesh, VirtualServiceName=f"service-{at}.large.internal",
        Spec=m.VirtualServiceSpec(Provider=m.VirtualServiceProvider(
            VirtualRouter=m.VirtualRouterServiceProvider(VirtualRouterName=GetAtt(router, "VirtualRouterName"))))))
sys.stdout.write(template.to_json())
