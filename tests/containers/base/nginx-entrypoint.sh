#!/bin/sh
set -eu
NGINX_LOCAL_RESOLVERS=$(awk '/^nameserver/ { print $2 }' /etc/resolv.conf | tr '\n' ' ')
export NGINX_LOCAL_RESOLVERS
for template in /etc/nginx/templates/*.template; do
  envsubst "$(env | sed 's/=.*//; s/^/${/; s/$/}/' | tr '\n' ' ')" < "$template" \
    > "/etc/nginx/conf.d/$(basename "$template" .template)"
done
exec "$@"
