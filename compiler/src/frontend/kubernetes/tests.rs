//! Manifests of a shop, and what is wrong with others.

use crate::frontend::{Input, Options, Reading, read};
use serde_json::{Value as Json, json};

const SHOP: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {mesh: shop, gateway: edge}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: Mesh
metadata: {name: shop}
spec:
  namespaceSelector: {matchLabels: {mesh: shop}}
  meshServiceDiscovery: {ipPreference: IPv4_ONLY}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualNode
metadata: {name: front, namespace: shop}
spec:
  podSelector: {matchLabels: {app: front}}
  listeners:
    - portMapping: {port: 8080, protocol: http}
      tls: {mode: STRICT, certificate: {acm: {certificateARN: 'arn:aws:acm:us-east-1:123456789012:certificate/x'}}}
  serviceDiscovery: {dns: {hostname: front.shop.svc.cluster.local}}
  backends:
    - virtualService: {virtualServiceRef: {name: cart}}
    - virtualService: {virtualServiceARN: 'arn:aws:appmesh:us-east-1:123456789012:mesh/shop/virtualService/pay.local'}
  backendGroups: [{name: all}]
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: BackendGroup
metadata: {name: all, namespace: shop}
spec: {virtualservices: [{name: cart}, {name: stock, namespace: depot}]}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualNode
metadata: {name: cart, namespace: shop}
spec:
  awsName: cart-node
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {dns: {hostname: cart.shop.svc.cluster.local}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec: {provider: {virtualRouter: {virtualRouterRef: {name: cart}}}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualRouter
metadata: {name: cart, namespace: shop}
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  routes:
    - name: all
      priority: 1
      httpRoute:
        match: {prefix: /, port: 0}
        action: {weightedTargets: [{virtualNodeRef: {name: cart}, weight: 1, port: 0}]}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualGateway
metadata: {name: edge, namespace: shop}
spec:
  namespaceSelector: {matchExpressions: [{key: gateway, operator: In, values: [edge]}]}
  listeners: [{portMapping: {port: 8088, protocol: http}}]
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: GatewayRoute
metadata: {name: cart, namespace: shop}
spec:
  httpRoute:
    match: {prefix: /}
    action: {target: {virtualService: {virtualServiceRef: {name: cart, namespace: shop}}}}
";

fn input(name: &str, text: &str, options: &Options) -> Reading {
    let input = Input {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
        named: true,
    };
    read(vec![input], options)
}

fn shop(text: &str) -> Reading {
    input("shop.yaml", text, &Options::default())
}

fn told(reading: &Reading) -> String {
    let all: Vec<String> = reading
        .all_problems()
        .iter()
        .map(|problem| {
            let at = problem.places.first().and_then(|place| place.span);
            let at = at.and_then(|span| reading.sources.locate(span));
            format!(
                "{} {problem}",
                at.map_or_else(|| "-".to_owned(), |at| format!("{}:{}", at.line, at.column))
            )
        })
        .collect();
    all.join("\n")
}

fn body(reading: &Reading, path: &str) -> Json {
    let found = reading
        .found
        .iter()
        .find(|found| found.key.as_ref().is_some_and(|key| key.path() == path));
    found.unwrap().body.to_json().unwrap()
}

#[test]
fn the_objects_of_a_shop_are_a_mesh() {
    let reading = shop(SHOP);
    assert_eq!(told(&reading), "");
    let mut keys: Vec<String> = reading
        .found
        .iter()
        .map(|found| found.key.as_ref().unwrap().path())
        .collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "mesh/shop",
            "mesh/shop/virtualGateway/edge_shop",
            "mesh/shop/virtualGateway/edge_shop/gatewayRoute/cart_shop",
            "mesh/shop/virtualNode/cart-node",
            "mesh/shop/virtualNode/front_shop",
            "mesh/shop/virtualRouter/cart_shop",
            "mesh/shop/virtualRouter/cart_shop/route/all",
            "mesh/shop/virtualService/cart.shop",
        ]
    );
    let route = body(&reading, "mesh/shop/virtualRouter/cart_shop/route/all");
    // A port of 0 is one that is not set.
    let action = json!({"weightedTargets": [{"virtualNode": "cart-node", "weight": 1}]});
    assert_eq!(
        route["spec"],
        json!({"priority": 1, "httpRoute": {"match": {"prefix": "/"}, "action": action}})
    );
    let node = body(&reading, "mesh/shop/virtualNode/front_shop");
    let backends: Vec<&str> = node["spec"]["backends"]
        .as_array()
        .unwrap()
        .iter()
        .map(|backend| backend["virtualService"]["virtualServiceName"].as_str().unwrap())
        .collect();
    assert_eq!(backends, ["cart.shop", "pay.local", "stock.depot"]);
    let certificate = &node["spec"]["listeners"][0]["tls"]["certificate"]["acm"];
    assert!(certificate["certificateArn"].is_string(), "{certificate}");
    let target = &body(
        &reading,
        "mesh/shop/virtualGateway/edge_shop/gatewayRoute/cart_shop",
    )["spec"]["httpRoute"];
    assert_eq!(
        target["action"]["target"]["virtualService"]["virtualServiceName"],
        "cart.shop"
    );
    assert_eq!(reading.resources().1, []);
}

#[test]
fn what_belongs_to_no_mesh_or_to_several_is_told() {
    let unlabelled = SHOP.replace("labels: {mesh: shop, gateway: edge}", "labels: {}");
    let all = told(&shop(&unlabelled));
    assert!(all.contains("no mesh's `namespaceSelector` matches"), "{all}");
    let second = format!(
        "{SHOP}---\napiVersion: appmesh.k8s.aws/v1beta2\nkind: Mesh\nmetadata: {{name: other}}\nspec: \
         {{namespaceSelector: {{}}}}\n"
    );
    let all = told(&shop(&second));
    assert!(
        all.contains("the selectors of `Mesh shop` and `Mesh other` match"),
        "{all}"
    );
    // A mesh without a selector takes nothing.
    let closed = SHOP.replace("  namespaceSelector: {matchLabels: {mesh: shop}}\n", "");
    assert!(told(&shop(&closed)).contains("MF0620"));
    // The only mesh is taken where the namespace is not given.
    let alone = SHOP.split_once("---").unwrap().1;
    let reading = shop(alone);
    assert!(
        told(&reading).contains("the only mesh, `shop`, is taken"),
        "{}",
        told(&reading)
    );
    assert!(
        reading.found.iter().all(|found| !found.refused),
        "{}",
        told(&reading)
    );
}

#[test]
fn lists_of_kubectl_refs_of_the_cluster_and_other_versions() {
    let list = "
apiVersion: v1
kind: List
items:
  - apiVersion: appmesh.k8s.aws/v1beta2
    kind: VirtualNode
    metadata: {name: n, namespace: a}
    spec: {meshRef: {name: m, uid: x}, awsName: n_a, listeners: []}
  - apiVersion: appmesh.k8s.aws/v1beta1
    kind: VirtualNode
    metadata: {name: old}
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: n}
";
    let reading = shop(list);
    assert_eq!(
        reading.found[0].key.as_ref().unwrap().path(),
        "mesh/m/virtualNode/n_a"
    );
    assert!(
        told(&reading).starts_with("9:17 error[MF0619]"),
        "{}",
        told(&reading)
    );
}

#[test]
fn placeholders_are_told_as_what_they_are() {
    let text = "
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualNode
metadata: {name: n, namespace: '${NAMESPACE}'}
spec:
  listeners:
    - portMapping:
        port: ${PORT}
        protocol: http
  serviceDiscovery: {dns: {hostname: 'n.${NAMESPACE}.svc'}}
";
    let all = told(&shop(text));
    assert!(all.contains("`--parameter PORT=VALUE`"), "{all}");
    let options = Options {
        mesh: Some("m".to_owned()),
        parameters: [("PORT", "80"), ("NAMESPACE", "a")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .into(),
        ..Options::default()
    };
    let reading = input("n.yaml", text, &options);
    assert_eq!(told(&reading), "");
    assert_eq!(reading.misused, []);
    assert_eq!(
        body(&reading, "mesh/m/virtualNode/n_a")["spec"]["listeners"][0]["portMapping"]["port"],
        80
    );
    let chart = "apiVersion: appmesh.k8s.aws/v1beta2\nkind: Mesh\nmetadata:\n  name: {{ .Values.mesh }}\n";
    assert!(
        told(&shop(chart)).starts_with("4:9 error[MF0622]: `{{ .Values.mesh }}`"),
        "{}",
        told(&shop(chart))
    );
}

const BASE: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {mesh: shop}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: Mesh
metadata: {name: shop, creationTimestamp: '2021-03-01T10:00:00Z'}
spec: {namespaceSelector: {matchLabels: {mesh: shop}}}
status: {meshARN: 'arn:aws:appmesh:eu-west-1:123456789012:mesh/shop'}
---
apiVersion: appmesh.k8s.aws/v1beta2
";

#[test]
fn objects_that_say_nothing_of_a_resource_are_told() {
    let cases = [
        (
            "kind: VirtualNode\nmetadata: {namespace: shop}\nspec: {}",
            "a `VirtualNode` without `metadata.name`",
        ),
        (
            "kind: VirtualNode\nmetadata: {name: 5, namespace: shop}\nspec: {}",
            "the name of a `VirtualNode` is a number",
        ),
        (
            "kind: VirtualNode\nmetadata: {name: n, namespace: shop}\nspec: 3",
            "expected an object",
        ),
        (
            "kind: VirtualRouter\nmetadata: {name: r, namespace: shop}\nspec: {routes: {a: b}}",
            "expected a list of routes, found an object",
        ),
        (
            "kind: VirtualService\nmetadata: {name: s, namespace: shop}\nspec: {provider: {virtualNode: \
             {virtualNodeRef: {nme: n}}}}",
            "`virtualNodeRef` names no VirtualNode",
        ),
    ];
    for (object, expected) in cases {
        let all = told(&shop(&format!("{BASE}{object}\n")));
        assert!(all.contains(expected), "{object}\n{all}");
        assert_eq!(all.lines().count(), 1, "{object}\n{all}");
    }
    let arn = "kind: VirtualService\nmetadata: {name: s, namespace: shop}\nspec: {provider: {virtualNode: \
               {virtualNodeARN: 'arn:aws:appmesh:eu-west-1:1:mesh/shop/virtualService/x'}}}\n";
    let all = told(&shop(&format!("{BASE}{arn}")));
    assert!(all.contains("is not the ARN of a virtualNode"), "{all}");
    assert!(!all.contains("no field"), "{all}");
    // Where the schema knows no reference, a ref is a field that is not there, under the name that was written.
    let nowhere = "kind: VirtualService\nmetadata: {name: s, namespace: shop}\nspec: {provider: {virtualRouter: \
                   {virtualNodeRef: {name: n}}}}\n";
    let all = told(&shop(&format!("{BASE}{nowhere}")));
    assert!(
        all.contains("virtualNodeRef") && !all.contains("virtualNodeName"),
        "{all}"
    );
}

#[test]
fn a_status_says_which_resource_it_was() {
    let router = "kind: VirtualRouter
metadata: {name: r, namespace: shop, uid: of-the-cluster, creationTimestamp: '2021-03-01T10:00:00Z'}
spec:
  listeners: [{portMapping: {port: 80, protocol: http}}]
  routes:
    - {name: all, httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNodeRef: {name: n}, weight: 1}]}}}
status:
  virtualRouterARN: arn:aws:appmesh:eu-west-1:123456789012:mesh/shop/virtualRouter/r_shop
  routeARNs: {all: 'arn:aws:appmesh:eu-west-1:123456789012:mesh/shop/virtualRouter/r_shop/route/all'}
";
    let reading = shop(&format!("{BASE}{router}"));
    assert_eq!(told(&reading), "");
    let (resources, untyped) = reading.resources();
    assert_eq!(untyped, []);
    assert_eq!(resources.len(), 3);
    for resource in resources {
        let identity = resource.identity.unwrap();
        let path = resource.key.path();
        assert_eq!(
            identity.arn,
            format!("arn:aws:appmesh:eu-west-1:123456789012:{path}"),
        );
        assert_eq!(
            (identity.uid.as_str(), identity.mesh_owner.as_str()),
            ("", "123456789012")
        );
        assert_eq!(identity.created_at, "2021-03-01T10:00:00Z");
    }
}
