#!/bin/sh
# Kubeclient, as Fluentd's plugins and dashboards in Ruby use it.
. "$(dirname "$0")/clients.sh"
command -v ruby >/dev/null && ruby -e 'require "kubeclient"' 2>/dev/null || skip "needs ruby-kubeclient"
start_api
record
timeout 400 ruby "$HERE/client_ruby.rb" || fail "the Ruby client"
stop_recorder 10
stop_cluster
