/// What `kubectl get service,endpointslice -A -o yaml --show-managed-fields` prints of a cluster with the API server, its
/// DNS, a gRPC Service with two addresses, a load balancer, a headless Service and an alias.
let kubectlOutput = #"""
  apiVersion: v1
  items:
  - apiVersion: v1
    kind: Service
    metadata:
      creationTimestamp: "2026-10-02T07:11:13Z"
      labels:
        component: apiserver
        provider: kubernetes
      managedFields:
      - apiVersion: v1
        fieldsType: FieldsV1
        fieldsV1:
          f:metadata:
            f:labels:
              .: {}
              f:component: {}
              f:provider: {}
          f:spec:
            f:clusterIP: {}
            f:internalTrafficPolicy: {}
            f:ipFamilyPolicy: {}
            f:ports:
              .: {}
              k:{"port":443,"protocol":"TCP"}:
                .: {}
                f:name: {}
                f:port: {}
                f:protocol: {}
                f:targetPort: {}
            f:sessionAffinity: {}
            f:type: {}
        manager: kube-apiserver
        operation: Update
        time: "2026-10-02T07:11:13Z"
      name: kubernetes
      namespace: default
      resourceVersion: "238"
      uid: 0b7f9d4c-1b8c-4c3e-9d53-7e1f3a4f7c55
    spec:
      clusterIP: 10.96.0.1
      clusterIPs:
      - 10.96.0.1
      internalTrafficPolicy: Cluster
      ipFamilies:
      - IPv4
      ipFamilyPolicy: SingleStack
      ports:
      - name: https
        port: 443
        protocol: TCP
        targetPort: 6443
      sessionAffinity: None
      type: ClusterIP
    status:
      loadBalancer: {}
  - apiVersion: v1
    kind: Service
    metadata:
      annotations:
        prometheus.io/port: "9153"
        prometheus.io/scrape: "true"
      creationTimestamp: "2026-10-02T07:11:15Z"
      labels:
        k8s-app: kube-dns
        kubernetes.io/cluster-service: "true"
        kubernetes.io/name: CoreDNS
      name: kube-dns
      namespace: kube-system
      resourceVersion: "301"
      uid: 5ad1e0ab-94a1-4a5a-a3a0-0b6b8a4c1f3e
    spec:
      clusterIP: 10.96.0.10
      clusterIPs:
      - 10.96.0.10
      internalTrafficPolicy: Cluster
      ipFamilies:
      - IPv4
      ipFamilyPolicy: SingleStack
      ports:
      - name: dns
        port: 53
        protocol: UDP
        targetPort: 53
      - name: dns-tcp
        port: 53
        protocol: TCP
        targetPort: 53
      - name: metrics
        port: 9153
        protocol: TCP
        targetPort: 9153
      selector:
        k8s-app: kube-dns
      sessionAffinity: None
      type: ClusterIP
    status:
      loadBalancer: {}
  - apiVersion: v1
    kind: Service
    metadata:
      annotations:
        evenkeel.io/drain-interval: 5m
        evenkeel.io/policy: maglev
        kubectl.kubernetes.io/last-applied-configuration: |
          {"apiVersion":"v1","kind":"Service","metadata":{"annotations":{"evenkeel.io/drain-interval":"5m","evenkeel.io/policy":"maglev"},"name":"cart","namespace":"shop"},"spec":{"ipFamilyPolicy":"PreferDualStack","ports":[{"appProtocol":"kubernetes.io/h2c","name":"grpc","port":80,"targetPort":"grpc"}],"selector":{"app":"cart"},"sessionAffinity":"ClientIP"}}
      creationTimestamp: "2026-10-05T15:40:00Z"
      name: cart
      namespace: shop
      resourceVersion: "88123"
      uid: 9c0b4f6e-7a3e-4c22-8d0e-2f5c9f0f8b11
    spec:
      clusterIP: 10.96.7.21
      clusterIPs:
      - 10.96.7.21
      - fd00:10:96::715
      internalTrafficPolicy: Cluster
      ipFamilies:
      - IPv4
      - IPv6
      ipFamilyPolicy: PreferDualStack
      ports:
      - appProtocol: kubernetes.io/h2c
        name: grpc
        port: 80
        protocol: TCP
        targetPort: grpc
      selector:
        app: cart
      sessionAffinity: ClientIP
      sessionAffinityConfig:
        clientIP:
          timeoutSeconds: 10800
      trafficDistribution: PreferSameZone
      type: ClusterIP
    status:
      loadBalancer: {}
  - apiVersion: v1
    kind: Service
    metadata:
      creationTimestamp: "2026-10-05T15:40:00Z"
      finalizers:
      - service.kubernetes.io/load-balancer-cleanup
      name: front
      namespace: shop
      resourceVersion: "88170"
      uid: 1be7a9d2-5a8a-4f2a-9c1f-6a0a8d1a2b3c
    spec:
      allocateLoadBalancerNodePorts: true
      clusterIP: 10.96.7.30
      clusterIPs:
      - 10.96.7.30
      externalIPs:
      - 198.51.100.7
      externalTrafficPolicy: Local
      healthCheckNodePort: 31412
      internalTrafficPolicy: Local
      ipFamilies:
      - IPv4
      ipFamilyPolicy: SingleStack
      loadBalancerClass: example.com/internal
      loadBalancerIP: 203.0.113.9
      loadBalancerSourceRanges:
      - 10.0.0.0/8
      ports:
      - nodePort: 30443
        port: 443
        protocol: TCP
        targetPort: 8443
      publishNotReadyAddresses: true
      selector:
        app: front
      sessionAffinity: None
      type: LoadBalancer
    status:
      conditions: []
      loadBalancer:
        ingress:
        - ip: 203.0.113.9
          ipMode: VIP
          ports:
          - port: 443
            protocol: TCP
        - ip: 203.0.113.10
          ipMode: Proxy
        - hostname: front.example.com
  - apiVersion: v1
    kind: Service
    metadata:
      labels:
        service.kubernetes.io/headless: ""
      name: stock
      namespace: shop
    spec:
      clusterIP: None
      clusterIPs:
      - None
      internalTrafficPolicy: Cluster
      ipFamilies:
      - IPv4
      ipFamilyPolicy: SingleStack
      ports:
      - port: 50051
        protocol: TCP
        targetPort: 50051
      selector:
        app: stock
      sessionAffinity: None
      type: ClusterIP
    status:
      loadBalancer: {}
  - apiVersion: v1
    kind: Service
    metadata:
      name: warehouse
      namespace: shop
    spec:
      externalName: warehouse.example.com
      sessionAffinity: None
      type: ExternalName
    status:
      loadBalancer: {}
  - addressType: IPv4
    apiVersion: discovery.k8s.io/v1
    endpoints:
    - addresses:
      - 172.18.0.2
      conditions:
        ready: true
    kind: EndpointSlice
    metadata:
      labels:
        kubernetes.io/service-name: kubernetes
      name: kubernetes
      namespace: default
    ports:
    - name: https
      port: 6443
      protocol: TCP
  - addressType: IPv4
    apiVersion: discovery.k8s.io/v1
    endpoints:
    - addresses:
      - 10.244.0.3
      conditions:
        ready: true
        serving: true
        terminating: false
      nodeName: n1
      targetRef:
        kind: Pod
        name: coredns-668d6bf9bc-7xk2v
        namespace: kube-system
        uid: 6d2f6c39-2d1c-4fb5-a6f7-0a2b1a3c4d5e
    kind: EndpointSlice
    metadata:
      annotations:
        endpoints.kubernetes.io/last-change-trigger-time: "2026-10-02T07:11:40Z"
      generateName: kube-dns-
      labels:
        endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io
        kubernetes.io/service-name: kube-dns
      managedFields:
      - apiVersion: discovery.k8s.io/v1
        fieldsType: FieldsV1
        fieldsV1:
          f:addressType: {}
          f:endpoints: {}
          f:metadata:
            f:ownerReferences:
              .: {}
              k:{"uid":"5ad1e0ab-94a1-4a5a-a3a0-0b6b8a4c1f3e"}: {}
          f:ports: {}
        manager: kube-controller-manager
        operation: Update
        time: "2026-10-02T07:11:40Z"
      name: kube-dns-8z4vh
      namespace: kube-system
      ownerReferences:
      - apiVersion: v1
        blockOwnerDeletion: true
        controller: true
        kind: Service
        name: kube-dns
        uid: 5ad1e0ab-94a1-4a5a-a3a0-0b6b8a4c1f3e
    ports:
    - name: dns-tcp
      port: 53
      protocol: TCP
    - name: dns
      port: 53
      protocol: UDP
    - name: metrics
      port: 9153
      protocol: TCP
  - addressType: IPv4
    apiVersion: discovery.k8s.io/v1
    endpoints:
    - addresses:
      - 10.244.1.12
      conditions:
        ready: false
        serving: true
        terminating: true
      hints:
        forNodes:
        - name: n2
        forZones:
        - name: b
      nodeName: n2
      zone: b
    - addresses:
      - 10.244.0.11
      conditions:
        ready: true
        serving: true
        terminating: false
      deprecatedTopology:
        topology.kubernetes.io/region: eu
      hints:
        forZones:
        - name: a
      hostname: cart-0
      nodeName: n1
      zone: a
    kind: EndpointSlice
    metadata:
      labels:
        kubernetes.io/service-name: cart
      name: cart-4kq9x
      namespace: shop
    ports:
    - appProtocol: kubernetes.io/h2c
      name: grpc
      port: 50051
      protocol: TCP
  - addressType: IPv6
    apiVersion: discovery.k8s.io/v1
    endpoints:
    - addresses:
      - fd00:10:244::b
      conditions:
        ready: true
        serving: true
        terminating: false
      nodeName: n1
      zone: a
    kind: EndpointSlice
    metadata:
      labels:
        kubernetes.io/service-name: cart
      name: cart-p7w2d
      namespace: shop
    ports:
    - name: grpc
      port: 50051
      protocol: TCP
  - addressType: IPv4
    apiVersion: discovery.k8s.io/v1
    endpoints: null
    kind: EndpointSlice
    metadata:
      labels:
        kubernetes.io/service-name: front
      name: front-x2m8c
      namespace: shop
    ports: null
  - addressType: IPv4
    apiVersion: discovery.k8s.io/v1
    endpoints:
    - addresses:
      - 10.244.1.40
      conditions: {}
      nodeName: n2
    kind: EndpointSlice
    metadata:
      labels:
        kubernetes.io/service-name: stock
        service.kubernetes.io/headless: ""
      name: stock-hh5tq
      namespace: shop
    ports:
    - name: ""
      port: 50051
      protocol: TCP
  kind: List
  metadata:
    resourceVersion: ""
  """#
