#!/bin/sh
set -eu
mkdir -p /tmp/config
printf 'discovery.type: single-node\nnetwork.host: 0.0.0.0\naction.auto_create_index: %s\n' \
  "$(env | sed -n 's/^action.auto_create_index=//p' | grep . || echo true)" > /tmp/config/opensearch.yml
echo 'cluster.routing.allocation.disk.threshold_enabled: false' >> /tmp/config/opensearch.yml
modules=org.opensearch.analysis.common.CommonAnalysisPlugin,org.opensearch.painless.PainlessPlugin
modules=$modules,org.opensearch.index.reindex.ReindexPlugin,org.opensearch.transport.Netty4Plugin
# shellcheck disable=SC2086 # options, several of them
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 ${OPENSEARCH_JAVA_OPTS:-} \
  -cp '/usr/share/opensearch/lib/*' org.codelibs.opensearch.runner.OpenSearchRunner -numOfNode 1 \
  -basePath /usr/share/opensearch/data/node -confPath /tmp/config -baseHttpPort 9199 \
  -moduleTypes "$modules" -pluginTypes org.opensearch.knn.plugin.KNNPlugin
