#!/bin/bash
# Installs and starts the worker on a GPU host, as the user data of an EC2 instance of AWS's Deep Learning Base AMI
# (Amazon Linux 2023). What was put before it says from where, and for which queue, table and bucket.
set -euo pipefail
# A host that cannot work must not cost anything: the instance is terminated, and the group launches another one.
trap 'shutdown --poweroff now' ERR

metadata() {
  curl --silent --fail --header "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}

token=$(curl --silent --fail --request PUT --header "X-aws-ec2-metadata-token-ttl-seconds: 60" \
  http://169.254.169.254/latest/api/token)
instance=$(metadata instance-id)
AWS_DEFAULT_REGION=$(metadata placement/region)
export AWS_DEFAULT_REGION

download=$(mktemp --directory)
aws s3 cp --only-show-errors "$ARTEFACT" "$download/worker.zip"
echo "$ARTEFACT_SHA256  $download/worker.zip" | sha256sum --check --quiet

python3.12 -m zipfile --extract "$download/worker.zip" /opt/worker/source
python3.12 -m venv /opt/worker/environment
/opt/worker/environment/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
  --only-binary :all: --requirement /opt/worker/source/worker/requirements.txt
useradd --system --no-create-home --shell /sbin/nologin worker

cat >/opt/worker/variables <<END
AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION
GPU_HOUR_USD=$GPU_HOUR_USD
INSTANCE_ID=$instance
JOB_QUEUE_URL=$JOB_QUEUE_URL
MEDIA_BUCKET=$MEDIA_BUCKET
PYTHONPATH=/opt/worker/source
TABLE_NAME=$TABLE_NAME
END

cat >/etc/systemd/system/worker.service <<'END'
[Unit]
Description=Takes experiments from the queue, encodes and measures them
Wants=network-online.target
After=network-online.target

[Service]
User=worker
EnvironmentFile=/opt/worker/variables
StateDirectory=worker
ExecStart=/opt/worker/environment/bin/python -m worker --name ${INSTANCE_ID} --gpu-hour-usd ${GPU_HOUR_USD} \
  --clips /var/lib/worker/clips
WorkingDirectory=/var/lib/worker
Restart=always
RestartSec=5
# SIGTERM is the worker's alone: it ends its encoder and hands its job back.
KillMode=mixed
TimeoutStopSec=60
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
END
systemctl enable --now worker
