#!/bin/bash
# What is left on the machines of somebody who follows the walk-through to the letter, its mistakes included.
#
#   walk_through.sh certs DIR          makes the folder certs/, by the real cfssl, cfssljson and kubectl
#   walk_through.sh hosts CERTS DIR    copies it to the machines, DIR/HOST/..., and writes what the steps there write
#
# The commands and the files between `cat << EOF` are the walk-through's own, in its order.
set -euo pipefail
umask 022
here=$(cd "$(dirname "$0")" && pwd)

declare -A IP=([master1]=10.128.15.221 [master2]=10.128.15.222 [node1]=10.128.15.223 [node2]=10.128.15.224)
LB=10.128.15.226

make_certs() {
    mkdir -p "$1"
    cp "$here"/../../../specs/walkthrough/csr/*.json "$1"
    cd "$1"

    cfssl gencert -initca ca-csr.json | cfssljson -bare ca

    # createnodecert.sh
    for WORKER_HOST in node1 node2; do
        WORKER_IP=${IP[$WORKER_HOST]}
        sed "s/WORKER_HOST/$WORKER_HOST/g" node-csr.json > "${WORKER_HOST}-csr.json"
        cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -hostname=${WORKER_HOST},${WORKER_IP} \
            -profile=kubernetes ${WORKER_HOST}-csr.json | cfssljson -bare ${WORKER_HOST}
    done

    for name in kube-controller-manager kube-proxy kube-scheduler admin; do
        cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=kubernetes $name-csr.json |
            cfssljson -bare $name
    done

    export CERT_HOSTNAME=10.32.0.1,10.128.15.221,10.128.15.222,master1,master2,10.128.15.226,lb,127.0.0.1,localhost,kubernetes.default
    cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -hostname=${CERT_HOSTNAME} -profile=kubernetes \
        kubernetes-csr.json | cfssljson -bare kubernetes

    cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=kubernetes service-account-csr.json |
        cfssljson -bare service-account

    for instance in node1 node2; do
        kubeconfig $instance https://$LB:6443 system:node:$instance
    done
    kubeconfig kube-proxy https://$LB:6443 system:kube-proxy
    for name in kube-controller-manager kube-scheduler; do
        kubeconfig $name https://127.0.0.1:6443 system:$name
    done
    kubeconfig admin https://127.0.0.1:6443 admin

    cat > encryption-config.yaml << EOF
kind: EncryptionConfiguration
apiVersion: apiserver.config.k8s.io/v1
resources:
  - resources:
      - secrets
    providers:
      - aescbc:
          keys:
            - name: key1
              secret: L0KeMGR9dmgRvfzqkELizUkcTiUpqb8lqisyzYcGtIw=
      - identity: {}
EOF
}

kubeconfig() { # name, server, user
    kubectl config set-cluster mycluster \
        --certificate-authority=ca.pem \
        --embed-certs=true \
        --server=$2 \
        --kubeconfig=$1.kubeconfig

    kubectl config set-credentials $3 \
        --client-certificate=$1.pem \
        --client-key=$1-key.pem \
        --embed-certs=true \
        --kubeconfig=$1.kubeconfig

    kubectl config set-context default \
        --cluster=mycluster \
        --user=$3 \
        --kubeconfig=$1.kubeconfig

    kubectl config use-context default --kubeconfig=$1.kubeconfig
}

make_hosts() { # certs, out
    certs=$1
    mkdir -p "$2/control/root"
    out=$(cd "$2" && pwd)
    cp -rp "$certs" "$out/control/root/certs"
    certs=$(cd "$out/control/root/certs" && pwd)
    # As cfssljson and kubectl leave them; version control keeps no such mode.
    chmod 600 "$certs"/*-key.pem "$certs"/*.kubeconfig
    for HOSTNAME in master1 master2; do
        make_master "$out/$HOSTNAME" "${IP[$HOSTNAME]}"
    done
    for HOSTNAME in node1 node2; do
        make_node "$out/$HOSTNAME"
    done
    # Copy kube-proxy kubeconfig file to all nodes
    cp -p "$certs"/kube-proxy.kubeconfig "$out"/node1/var/lib/kube-proxy/kubeconfig
    cp -p "$certs"/kube-proxy.kubeconfig "$out"/node1/var/lib/kube-proxy/kubeconfig

    # The files that the walk-through's repository has ready, applied from master1.
    cat > "$out"/master1/root/kubelet-rbac-clusterrole.yaml << EOF
apiVersion: rbac.authorization.k8s.io/v1beta1
kind: ClusterRole
metadata:
  annotations:
    rbac.authorization.kubernetes.io/autoupdate: "true"
  labels:
    kubernetes.io/bootstrapping: rbac-defaults
  name: system:kube-apiserver-to-kubelet
rules:
  - apiGroups:
      - ""
    resources:
      - nodes/proxy
      - nodes/stats
      - nodes/log
      - nodes/spec
      - nodes/metrics
    verbs:
      - "*"
EOF
    cat > "$out"/master1/root/kubelet-rbac-clusterrolebinding.yaml << EOF
apiVersion: rbac.authorization.k8s.io/v1beta1
kind: ClusterRoleBinding
metadata:
  name: system:kube-apiserver
  namespace: ""
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: system:kube-apiserver-to-kubelet
subjects:
  - apiGroup: rbac.authorization.k8s.io
    kind: User
    name: kubernetes
EOF

    mkdir -p "$out"/lb/etc/nginx/tcpconf.d
    cat > "$out"/lb/etc/nginx/tcpconf.d/kubernetes.conf << EOF
stream {
    upstream kubernetes {
        server 10.128.15.221:6443;
        server 10.128.15.222:6443;
    }

    server {
        listen 6443;
        listen 443;
        proxy_pass kubernetes;
    }
}
EOF
}

make_master() { # root of the machine, its address
    root=$1
    mkdir -p "$root"/root "$root"/etc/etcd "$root"/etc/systemd/system "$root"/etc/kubernetes/config "$root"/var/lib/kubernetes
    cp -p "$certs"/{ca,kubernetes-key,kubernetes}.pem "$root"/etc/etcd/
    cp -p "$certs"/encryption-config.yaml "$root"/root/
    cp -p "$certs"/admin.kubeconfig "$root"/root/
    cp -p "$certs"/{ca,ca-key,kubernetes-key,kubernetes,service-account-key,service-account}.pem \
        "$certs"/encryption-config.yaml "$root"/var/lib/kubernetes/
    cp -p "$certs"/kube-controller-manager.kubeconfig "$certs"/kube-scheduler.kubeconfig "$root"/var/lib/kubernetes/

    export ETCD_NAME=$HOSTNAME
    export INTERNAL_IP=$2
    export INITIAL_CLUSTER=master1=https://10.128.15.221:2380,master2=https://10.128.15.222:2380
    export CONTROLLER0_IP=10.128.15.221
    export CONTROLLER1_IP=10.128.15.222

    cat << EOF > "$root"/etc/systemd/system/etcd.service
        [Unit]
        Description=etcd
        Documentation=https://github.com/coreos

        [Service]
        ExecStart=/usr/local/bin/etcd \\
          --name ${ETCD_NAME} \\
          --cert-file=/etc/etcd/kubernetes.pem \\
          --key-file=/etc/etcd/kubernetes-key.pem \\
          --peer-cert-file=/etc/etcd/kubernetes.pem \\
          --peer-key-file=/etc/etcd/kubernetes-key.pem \\
          --trusted-ca-file=/etc/etcd/ca.pem \\
          --peer-trusted-ca-file=/etc/etcd/ca.pem \\
          --peer-client-cert-auth \\
          --client-cert-auth \\
          --initial-advertise-peer-urls https://${INTERNAL_IP}:2380 \\
          --listen-peer-urls https://${INTERNAL_IP}:2380 \\
          --listen-client-urls https://${INTERNAL_IP}:2379,https://127.0.0.1:2379 \\
          --advertise-client-urls https://${INTERNAL_IP}:2379 \\
          --initial-cluster-token etcd-cluster-0 \\
          --initial-cluster ${INITIAL_CLUSTER} \\
          --initial-cluster-state new \\
          --data-dir=/var/lib/etcd
        Restart=on-failure
        RestartSec=5

        [Install]
        WantedBy=multi-user.target
EOF

    cat << EOF > "$root"/etc/systemd/system/kube-apiserver.service
  [Unit]
  Description=Kubernetes API Server
  Documentation=https://github.com/kubernetes/kubernetes

  [Service]
  ExecStart=/usr/local/bin/kube-apiserver \\
    --advertise-address=${INTERNAL_IP} \\
    --allow-privileged=true \\
    --apiserver-count=3 \\
    --audit-log-maxage=30 \\
    --audit-log-maxbackup=3 \\
    --audit-log-maxsize=100 \\
    --audit-log-path=/var/log/audit.log \\
    --authorization-mode=Node,RBAC \\
    --bind-address=0.0.0.0 \\
    --client-ca-file=/var/lib/kubernetes/ca.pem \\
    --enable-admission-plugins=NamespaceLifecycle,LimitRanger,ServiceAccount,TaintNodesByCondition,Priority,DefaultTolerationSeconds,DefaultStorageClass,PersistentVolumeClaimResize,MutatingAdmissionWebhook,ValidatingAdmissionWebhook,ResourceQuota \\
    --enable-swagger-ui=true \\
    --etcd-cafile=/var/lib/kubernetes/ca.pem \\
    --etcd-certfile=/var/lib/kubernetes/kubernetes.pem \\
    --etcd-keyfile=/var/lib/kubernetes/kubernetes-key.pem \\
    --etcd-servers=https://$CONTROLLER0_IP:2379,https://$CONTROLLER1_IP:2379 \\
    --event-ttl=1h \\
    --experimental-encryption-provider-config=/var/lib/kubernetes/encryption-config.yaml \\
    --kubelet-certificate-authority=/var/lib/kubernetes/ca.pem \\
    --kubelet-client-certificate=/var/lib/kubernetes/kubernetes.pem \\
    --kubelet-client-key=/var/lib/kubernetes/kubernetes-key.pem \\
    --kubelet-https=true \\
    --runtime-config=api/all \\
    --service-account-key-file=/var/lib/kubernetes/service-account.pem \\
    --service-cluster-ip-range=10.32.0.0/24 \\
    --service-node-port-range=30000-32767 \\
    --tls-cert-file=/var/lib/kubernetes/kubernetes.pem \\
    --tls-private-key-file=/var/lib/kubernetes/kubernetes-key.pem \\
    --v=2 \\
    --kubelet-preferred-address-types=InternalIP,InternalDNS,Hostname,ExternalIP,ExternalDNS
  Restart=on-failure
  RestartSec=5

  [Install]
  WantedBy=multi-user.target
EOF

    cat << EOF > "$root"/etc/systemd/system/kube-controller-manager.service
  [Unit]
  Description=Kubernetes Controller Manager
  Documentation=https://github.com/kubernetes/kubernetes

  [Service]
  ExecStart=/usr/local/bin/kube-controller-manager \\
    --address=0.0.0.0 \\
    --cluster-cidr=10.200.0.0/16 \\
    --cluster-name=kubernetes \\
    --cluster-signing-cert-file=/var/lib/kubernetes/ca.pem \\
    --cluster-signing-key-file=/var/lib/kubernetes/ca-key.pem \\
    --kubeconfig=/var/lib/kubernetes/kube-controller-manager.kubeconfig \\
    --allocate-node-cidrs=true \
    --leader-elect=true \\
    --root-ca-file=/var/lib/kubernetes/ca.pem \\
    --service-account-private-key-file=/var/lib/kubernetes/service-account-key.pem \\
    --service-cluster-ip-range=10.32.0.0/24 \\
    --use-service-account-credentials=true \\
    --v=2
  Restart=on-failure
  RestartSec=5

  [Install]
  WantedBy=multi-user.target
EOF

    cat << EOF > "$root"/etc/kubernetes/config/kube-scheduler.yaml
apiVersion: kubescheduler.config.k8s.io/v1alpha1
kind: KubeSchedulerConfiguration
clientConnection:
  kubeconfig: "/var/lib/kubernetes/kube-scheduler.kubeconfig"
leaderElection:
  leaderElect: true
EOF
    cat << EOF > "$root"/etc/systemd/system/kube-scheduler.service
  [Unit]
  Description=Kubernetes Scheduler
  Documentation=https://github.com/kubernetes/kubernetes

  [Service]
  ExecStart=/usr/local/bin/kube-scheduler \\
    --config=/etc/kubernetes/config/kube-scheduler.yaml \\
    --v=2
  Restart=on-failure
  RestartSec=5

  [Install]
  WantedBy=multi-user.target
EOF
}

make_node() { # root of the machine
    root=$1
    mkdir -p "$root"/root "$root"/etc/systemd/system "$root"/var/lib/{kubelet,kube-proxy,kubernetes}
    # Worker Nodes - ca.pem , node*.pem; nodeX.kubeconfig kube-proxy.kubeconfig
    cp -p "$certs"/ca.pem "$certs"/node*.pem "$certs"/$HOSTNAME.kubeconfig "$root"/root/
    (
        cd "$root"/root
        mv ${HOSTNAME}-key.pem ${HOSTNAME}.pem "$root"/var/lib/kubelet/
        mv ${HOSTNAME}.kubeconfig "$root"/var/lib/kubelet/kubeconfig
        mv ca.pem "$root"/var/lib/kubernetes/
    )
    cat << EOF > "$root"/var/lib/kubelet/kubelet-config.yaml
kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: "/var/lib/kubernetes/ca.pem"
authorization:
  mode: Webhook
clusterDomain: "cluster.local"
clusterDNS: 
  - "10.32.0.10"
runtimeRequestTimeout: "15m"
tlsCertFile: "/var/lib/kubelet/${HOSTNAME}.pem"
tlsPrivateKeyFile: "/var/lib/kubelet/${HOSTNAME}-key.pem"
EOF
    cat << EOF > "$root"/etc/systemd/system/kubelet.service
  [Unit]
  Description=Kubernetes Kubelet
  Documentation=https://github.com/kubernetes/kubernetes
  After=docker.service
  Requires=docker.service

  [Service]
  ExecStart=/usr/local/bin/kubelet \\
    --config=/var/lib/kubelet/kubelet-config.yaml \\
    --image-pull-progress-deadline=2m \\
    --kubeconfig=/var/lib/kubelet/kubeconfig \\
    --network-plugin=cni \\
    --register-node=true \\
    --v=2 \\
    --hostname-override=${HOSTNAME} \\
    --allow-privileged=true
  Restart=on-failure
  RestartSec=5

  [Install]
  WantedBy=multi-user.target
EOF
    cat << EOF > "$root"/var/lib/kube-proxy/kube-proxy-config.yaml
kind: KubeProxyConfiguration
apiVersion: kubeproxy.config.k8s.io/v1alpha1
clientConnection:
  kubeconfig: "/var/lib/kube-proxy/kubeconfig"
mode: "iptables"
clusterCIDR: "10.200.0.0/16"
EOF
    cat << EOF > "$root"/etc/systemd/system/kube-proxy.service
  [Unit]
  Description=Kubernetes Kube Proxy
  Documentation=https://github.com/kubernetes/kubernetes

  [Service]
  ExecStart=/usr/local/bin/kube-proxy \\
    --config=/var/lib/kube-proxy/kube-proxy-config.yaml
  Restart=on-failure
  RestartSec=5

  [Install]
  WantedBy=multi-user.target
EOF
}

case ${1:-} in
certs) make_certs "$2" ;;
hosts) make_hosts "$2" "$3" ;;
*) sed -n '2,8p' "$0" && exit 2 ;;
esac
