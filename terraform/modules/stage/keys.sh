# Writes what cordon reads: the topology and the password once, the role's temporary keys again and
# again. A courier lives for 15 minutes and reads them when it starts.
set -eu
umask 077
write() { cat >"$SECRETS/$1.new" && mv "$SECRETS/$1.new" "$SECRETS/$1"; }
printf '%s' "$TOPOLOGY" | write topology.yaml
printf '%s\n' "$KAFKA_PASSWORD" | write kafka
unset KAFKA_PASSWORD
trap 'exit 0' TERM
while :; do
  keys=$(aws configure export-credentials --format env-no-export)
  printf '%s\n' "$keys" | sed -n \
    -e 's/^AWS_ACCESS_KEY_ID=/aws_access_key_id = /p' \
    -e 's/^AWS_SECRET_ACCESS_KEY=/aws_secret_access_key = /p' \
    -e 's/^AWS_SESSION_TOKEN=/aws_session_token = /p' | write aws
  sleep 300 & wait $!
done
