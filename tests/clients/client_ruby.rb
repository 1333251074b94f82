# What scripts in Ruby do.
require "kubeclient"
config = Kubeclient::Config.read(ENV["KUBECONFIG"])
context = config.context
make = ->(path, version) { Kubeclient::Client.new(context.api_endpoint + path, version, ssl_options: context.ssl_options, auth_options: context.auth_options) }
core = make.call("", "v1")
apps = make.call("/apis/apps", "v1")

def ok(text) = puts("ok - #{text}")
def check(text, condition) = condition ? ok(text) : abort("FAIL: #{text}")

check "the API is valid", core.api_valid?
core.discover
check "discovery", core.respond_to?(:get_pods)
core.create_config_map(Kubeclient::Resource.new(metadata: { name: "c", namespace: "default", labels: { a: "b" } }, data: { k: "v" }))
check "create and get", core.get_config_map("c", "default").data.k == "v"
check "list by label", core.get_config_maps(namespace: "default", label_selector: "a=b").length == 1
core.patch_config_map("c", { data: { k: "w" } }, "default")
check "patch", core.get_config_map("c", "default").data.k == "w"
changed = core.get_config_map("c", "default")
changed.data.k = "x"
core.update_config_map(changed)
check "update", core.get_config_map("c", "default").data.k == "x"
seen = Queue.new
watcher = core.watch_config_maps(namespace: "default", resource_version: core.get_config_maps(namespace: "default").resourceVersion)
thread = Thread.new { watcher.each { |event| seen << "#{event.type} #{event.object.metadata.name}" } }
core.create_config_map(Kubeclient::Resource.new(metadata: { name: "w", namespace: "default" }))
check "watch", seen.pop == "ADDED w"
core.delete_config_map("w", "default")
check "watch a deletion", seen.pop == "DELETED w"
watcher.finish
thread.join(5)
begin
  core.get_config_map("nothing", "default")
  abort "FAIL: what isn't there was found"
rescue Kubeclient::ResourceNotFoundError => e
  check "not found is told", e.message.include?("configmaps \"nothing\" not found")
end
apps.create_deployment(Kubeclient::Resource.new(metadata: { name: "web", namespace: "default" }, spec: { replicas: 0, selector: { matchLabels: { a: "b" } },
  template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "x" }] } } }))
check "another group", apps.get_deployment("web", "default").spec.replicas == 0
apps.delete_deployment("web", "default")
core.delete_config_map("c", "default")
