#!/bin/bash
# What the walk-through has people do for each node, by the real cfssl, cfssljson, kubectl and tar.
#
#   by_hand.sh prepare DIR CSR_FOLDER rsa|ecdsa               what is done once for all nodes; not timed
#   by_hand.sh nodes DIR SAMPLE LEAVES COUNT                  COUNT nodes, with LEAVES certificates each
#
# SAMPLE is the folder that khw-gen made for a node: what is the same on all of them is copied from it, so that both pack the
# same content. The commands are the walk-through's own (tests/verify/by_hand/walk_through.sh), in its order.
set -euo pipefail
umask 022

kubeconfig() { # name, user
    kubectl config set-cluster mycluster --certificate-authority=ca.pem --embed-certs=true --server=https://10.0.0.5:6443 \
        --kubeconfig="$1.kubeconfig"
    kubectl config set-credentials "$2" --client-certificate="$1.pem" --client-key="$1-key.pem" --embed-certs=true \
        --kubeconfig="$1.kubeconfig"
    kubectl config set-context default --cluster=mycluster --user="$2" --kubeconfig="$1.kubeconfig"
    kubectl config use-context default --kubeconfig="$1.kubeconfig"
}

prepare() { # folder, CSR files, key
    mkdir -p "$1"
    cp "$2"/*.json "$1"
    cd "$1"
    if [ "$3" = ecdsa ]; then
        sed -i -e 's/"algo": "rsa"/"algo": "ecdsa"/' -e 's/"size": 2048/"size": 256/' ./*-csr.json
    fi
    cfssl gencert -initca ca-csr.json | cfssljson -bare ca
    cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=kubernetes kube-proxy-csr.json |
        cfssljson -bare kube-proxy
    kubeconfig kube-proxy system:kube-proxy
}

nodes() { # folder, sample, leaves, count
    cd "$1"
    for index in $(seq "$4"); do
        node=node$index
        sed "s/WORKER_HOST/$node/g" node-csr.json > "$node-csr.json"
        cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -hostname="$node,10.1.0.$index" \
            -profile=kubernetes "$node-csr.json" | cfssljson -bare "$node"
        for leaf in $(seq 2 "$3"); do
            cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -hostname="$node,10.1.0.$index" \
                -profile=kubernetes "$node-csr.json" | cfssljson -bare "$node-$leaf"
        done
        kubeconfig "$node" "system:node:$node"

        rm -rf "$node"
        cp -r "$2" "$node"
        # In place of the sample's own.
        rm -f "$node"/rootfs/var/lib/kubelet/*.pem
        mv "$node.kubeconfig" "$node/rootfs/var/lib/kubelet/kubeconfig"
        mv "$node.pem" "$node-key.pem" "$node/rootfs/var/lib/kubelet/"
        for leaf in $(seq 2 "$3"); do
            mv "$node-$leaf.pem" "$node-$leaf-key.pem" "$node/rootfs/var/lib/kubelet/"
        done
        cp kube-proxy.kubeconfig "$node/rootfs/var/lib/kube-proxy/kubeconfig"
        cp ca.pem "$node/rootfs/var/lib/kubernetes/ca.pem"
        tar czf "$node.tar.gz" "$node"
    done
}

case ${1:-} in
prepare) prepare "$2" "$3" "$4" ;;
nodes) nodes "$2" "$3" "$4" "$5" ;;
*) sed -n '2,8p' "$0" && exit 2 ;;
esac
