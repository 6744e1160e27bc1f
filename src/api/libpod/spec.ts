/**
 * A body of `POST /libpod/containers/create`, Podman's SpecGenerator, as a ContainerSpec: each field is written
 * as the option of the command line that says the same. Pure.
 */
import { type ContainerSpec, emptySpec } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import type { Document } from "../document.ts";
import {
  applyRows,
  asked,
  entrypointTexts,
  given,
  healthTexts,
  nonZero,
  type Row,
  seconds,
} from "../spec-rows.ts";
import { flag, keyed, number, plain } from "./rows.ts";
import { limitRows } from "./spec-limits.ts";
import { imageVolumeTexts, mountRows, volumeRows } from "./spec-mounts.ts";
import { namespaceTexts, networkTexts, publishTexts, usernsTexts } from "./spec-namespaces.ts";

const namespace = (path: string, option: string): Row => [path, option, namespaceTexts];

/** libpod/define: what becomes of a container that is not healthy, by number. */
const failureActions = ["none", "none", "kill", "restart", "stop"];

const rows: readonly Row[] = [
  plain("name", "--name"),
  ["entrypoint", "--entrypoint", (at, name) => entrypointTexts(at.words(name))],
  plain("env", "--env"),
  plain("envmerge", "--env-merge"),
  plain("unsetenv", "--unsetenv"),
  flag("unsetenvall", "--unsetenv-all"),
  // left out by older clients where it is not wanted
  ["httpproxy", "--http-proxy", (at, name) => asked(at.boolean(name) ?? false)],
  plain("work_dir", "--workdir"),
  plain("user", "--user"),
  plain("groups", "--group-add"),
  flag("terminal", "--tty"),
  flag("stdin", "--interactive"),
  flag("init", "--init"),
  plain("init_path", "--init-path"),
  plain("init_container_type", "--init-ctr"),
  plain("umask", "--umask"),
  plain("timezone", "--tz"),
  plain("hostname", "--hostname"),
  ["stop_signal", "--stop-signal", (at, name) => nonZero(at.number(name))],
  ["stop_timeout", "--stop-timeout", (at, name) => asked(at.number(name))],
  number("timeout", "--timeout"),
  plain("systemd", "--systemd"),
  plain("sdnotifyMode", "--sdnotify"),
  plain("personality.domain", "--personality"),
  ["manage_password", "--passwd", (at, name) => asked(at.boolean(name))],
  plain("passwd_entry", "--passwd-entry"),
  plain("group_entry", "--group-entry"),
  plain("hostusers", "--hostuser"),
  plain("labels", "--label"),
  ["annotations", "--annotation", annotationTexts],
  plain("image_os", "--os"),
  plain("image_arch", "--arch"),
  plain("image_variant", "--variant"),
  plain("oci_runtime", "--runtime"),
  plain("conmon_pid_file", "--conmon-pidfile"),
  plain("dependencyContainers", "--requires"),
  flag("remove", "--rm"),
  ["restart_policy", "--restart", restartTexts],
  plain("pod", "--pod"),

  ...mountRows,
  ...volumeRows,
  ["image_volumes", "--mount", imageVolumeTexts],
  plain("image_volume_mode", "--image-volume"),
  plain("volumes_from", "--volumes-from"),
  flag("read_only_filesystem", "--read-only"),
  // older clients send the mounts themselves
  ["read_write_tmpfs", "--read-only-tmpfs", (at, name) => asked(at.boolean(name) ?? false)],
  plain("chroot_directories", "--chrootdirs"),
  plain("storage_opts", "--storage-opt"),
  ["secrets", "--secret", secretTexts],
  [
    "secret_env",
    "--secret",
    (at, name) =>
      Object.entries(at.pairs(name)).map(([target, of]) => `${of},type=env,target=${target}`),
  ],
  ["devices", "--device", (at, name) => at.documents(name).map((one) => one.string("path"))],
  [
    "device_cgroup_rule",
    "--device-cgroup-rule",
    (at, name) =>
      at.documents(name).map((rule) => {
        const shown = (key: string) => rule.number(key) ?? "*";
        return `${rule.string("type") || "a"} ${shown("major")}:${shown("minor")} ${rule.string("access")}`;
      }),
  ],

  plain("cap_add", "--cap-add"),
  plain("cap_drop", "--cap-drop"),
  flag("privileged", "--privileged"),
  [
    "no_new_privileges",
    "--security-opt",
    (at, name) => (at.boolean(name) === true ? ["no-new-privileges"] : []),
  ],
  keyed("apparmor_profile", "--security-opt", "apparmor"),
  keyed("seccomp_profile_path", "--security-opt", "seccomp"),
  plain("seccomp_policy", "--seccomp-policy"),
  keyed("selinux_opts", "--security-opt", "label"),
  [
    "label_nested",
    "--security-opt",
    (at, name) => (at.boolean(name) === true ? ["label=nested"] : []),
  ],
  keyed("mask", "--security-opt", "mask"),
  keyed("unmask", "--security-opt", "unmask"),
  keyed("procfs_opts", "--security-opt", "proc-opts"),
  plain("sysctl", "--sysctl"),

  namespace("pidns", "--pid"),
  namespace("ipcns", "--ipc"),
  namespace("utsns", "--uts"),
  namespace("cgroupns", "--cgroupns"),
  ["userns", "--userns", usernsTexts],
  ["idmappings.UIDMap", "--uidmap", mappingTexts],
  ["idmappings.GIDMap", "--gidmap", mappingTexts],
  plain("cgroup_parent", "--cgroup-parent"),
  plain("cgroups_mode", "--cgroups"),

  ["portmappings", "--publish", publishTexts],
  flag("publish_image_ports", "--publish-all"),
  [
    "expose",
    "--expose",
    (at, name) =>
      Object.entries(at.pairs(name)).flatMap(([port, protocols]) =>
        (protocols || "tcp").split(",").map((protocol) => `${port}/${protocol}`),
      ),
  ],
  plain("dns_server", "--dns"),
  plain("dns_search", "--dns-search"),
  plain("dns_option", "--dns-option"),
  ["use_image_resolve_conf", "--dns", (at, name) => (at.boolean(name) === true ? ["none"] : [])],
  plain("hostadd", "--add-host"),
  flag("use_image_hosts", "--no-hosts"),
  flag("use_image_hostname", "--no-hostname"),
  plain("base_hosts_file", "--hosts-file"),

  ...limitRows,

  plain("log_configuration.driver", "--log-driver"),
  keyed("log_configuration.path", "--log-opt", "path"),
  [
    "log_configuration.size",
    "--log-opt",
    (at, name) => nonZero(at.number(name)).map((size) => `max-size=${size}`),
  ],
  plain("log_configuration.options", "--log-opt"),

  ["healthconfig.Test", "--health-cmd", (at, name) => healthTexts(at.strings(name))],
  ["healthconfig.Interval", "--health-interval", seconds],
  ["healthconfig.Timeout", "--health-timeout", seconds],
  ["healthconfig.StartPeriod", "--health-start-period", seconds],
  ["healthconfig.StartInterval", "--health-start-interval", seconds],
  number("healthconfig.Retries", "--health-retries"),
  [
    "health_check_on_failure_action",
    "--health-on-failure",
    (at, name) => asked(at.number(name)).map((action) => failureActions[Number(action)] ?? action),
  ],
  [
    "healthLogDestination",
    "--health-log-destination",
    (at, name) => given(at.string(name)).filter((text) => text !== "local"),
  ],
  ["healthMaxLogCount", "--health-max-log-count", (at, name) => asked(at.number(name))],
  ["healthMaxLogSize", "--health-max-log-size", (at, name) => asked(at.number(name))],
  ["startupHealthConfig.Test", "--health-startup-cmd", (at, name) => healthTexts(at.strings(name))],
  ["startupHealthConfig.Interval", "--health-startup-interval", seconds],
  ["startupHealthConfig.Timeout", "--health-startup-timeout", seconds],
  number("startupHealthConfig.Retries", "--health-startup-retries"),
  number("startupHealthConfig.Successes", "--health-startup-success"),
];

/** Fields that are read elsewhere in this file, or with others. */
const elsewhere = [
  ...[
    "env_host",
    "image",
    "command",
    "rootfs",
    "rootfs_overlay",
    "rootfs_mapping",
    "restart_tries",
  ],
  ...["netns", "Networks", "network_options", "containerCreateCommand", "removeImage"],
];

/** Fields that say nothing of the container itself. */
const saysNothing = [
  "raw_image_name", // as it was typed; `image` names it
  "volatile", // how Podman's own store keeps it
  "create_working_dir", // it is always made
];

/** What would be missed if it were only told of. */
const refused: readonly (readonly [field: string, why: string])[] = [
  ["artifact_volumes", "artifacts are not available yet"],
  ["host_device_list", "name devices in devices"],
  ["cni_networks", "name networks in Networks"],
];

const known = new Set(
  [...rows.map(([path]) => path.split(".", 1)[0] ?? ""), ...elsewhere, ...saysNothing].map((name) =>
    name.toLowerCase(),
  ),
);

/** Fields of what is otherwise known. */
const absent: readonly (readonly [path: string, name: string])[] = [
  ["resource_limits", "devices"],
  ["resource_limits", "hugepageLimits"],
  ["resource_limits", "network"],
  ["resource_limits", "rdma"],
  ["intelRdt", "l3CacheSchema"],
  ["intelRdt", "memBwSchema"],
];

/** A body, read as a whole. @throws CooperError invalid-argument, not-supported */
export function libpodSpec(body: Document): {
  spec: ContainerSpec;
  warnings: string[];
  createCommand: string[];
} {
  const spec = emptySpec();
  const rootfs = body.string("rootfs");
  spec.image = body.string("image") || null;
  if (spec.image === null && rootfs === "")
    throw new CooperError("invalid-argument", "neither an image nor a root file system is named");
  if (spec.image !== null && rootfs !== "")
    throw new CooperError("invalid-argument", "image and rootfs exclude each other");
  if (rootfs !== "") {
    const mapping = body.value("rootfs_mapping");
    spec.rootfs = {
      path: rootfs,
      isOverlay: body.boolean("rootfs_overlay") ?? false,
      idmap: typeof mapping === "string" && mapping !== "" ? mapping : null,
    };
  }
  if (body.boolean("env_host") === true)
    throw new CooperError(
      "not-supported",
      "env_host is not supported: the environment here is the service's, not the caller's",
    );
  const command = body.strings("command");
  spec.command = command.length === 0 ? null : command;
  applyRows(spec, rows, body);
  applyRows(spec, [["netns", "--network", () => networkTexts(body)]], body);
  spec.removesImage = body.boolean("removeImage") ?? false;
  for (const [field, why] of refused)
    if (saysSomething(body.value(field)))
      throw new CooperError("not-supported", `${field} is not supported: ${why}`);
  for (const [path, name] of absent)
    if (saysSomething(body.document(path).value(name)))
      throw new CooperError("not-supported", `${path}.${name} is not supported`);
  return {
    spec,
    warnings: unknownFields(body).map((name) => `${name} is not known here, and has no effect`),
    createCommand: body.strings("containerCreateCommand"),
  };
}

/** What newer clients may ask for besides; zero values of Go mean that it was not asked for. */
function unknownFields(body: Document): string[] {
  return body
    .names()
    .filter((name) => !known.has(name.toLowerCase()) && saysSomething(body.value(name)));
}

function saysSomething(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return ![undefined, null, "", 0, false].includes(value as null);
}

/** Podman's clients tell each other there what the fields say anyway. */
const isClients = (key: string) =>
  key.startsWith("io.podman.annotations.") || key.startsWith("io.kubernetes.cri-o.");

function annotationTexts(at: Document, name: string): string[] {
  return Object.entries(at.pairs(name)).flatMap(([key, value]) =>
    isClients(key) ? [] : [`${key}=${value}`],
  );
}

function restartTexts(at: Document, name: string): string[] {
  const policy = at.string(name);
  const tries = at.number("restart_tries") ?? 0;
  return given(policy).map((word) =>
    tries > 0 && word === "on-failure" ? `${word}:${tries}` : word,
  );
}

function secretTexts(at: Document, name: string): string[] {
  return at.documents(name).map((secret) => {
    const target = secret.string("Target");
    const mode = secret.number("Mode") ?? 0;
    return [
      secret.string("Source"),
      ...(target === "" ? [] : [`target=${target}`]),
      `uid=${secret.number("UID") ?? 0}`,
      `gid=${secret.number("GID") ?? 0}`,
      ...(mode === 0 ? [] : [`mode=${mode.toString(8).padStart(4, "0")}`]),
    ].join(",");
  });
}

function mappingTexts(at: Document, name: string): string[] {
  return at
    .documents(name)
    .map(
      (map) =>
        `${map.number("container_id") ?? 0}:${map.number("host_id") ?? 0}:${map.number("size") ?? 0}`,
    );
}
