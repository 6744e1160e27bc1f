/** The environment of a container's process. */
import { CooperError } from "../../errors.ts";
import { runsSystemd } from "./command.ts";
import type { RuntimeInput } from "./input.ts";

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const proxyNames = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy"].flatMap((name) => [
  name,
  name.toUpperCase(),
]);

/**
 * Built from the weakest to the strongest: our defaults, the configuration, the image, what
 * `--env-merge` makes of these, the host's (all of it, or proxies), what the user set. HOME follows
 * from the user where nothing says otherwise and then stands last, where execEnvironment() finds it.
 */
export function environment(input: RuntimeInput): string[] {
  const { spec, settings, image, hostEnv } = input;
  const env = new Map<string, string>([
    ["PATH", defaultPath],
    ["container", "cooper"],
  ]);
  for (const entry of settings.env) add(env, entry, hostEnv);
  for (const entry of image?.config?.Env ?? []) add(env, entry, {});
  if (spec.hasTty && !env.has("TERM")) env.set("TERM", "xterm");
  for (const entry of spec.envMerge) merge(env, entry);
  for (const name of spec.unsetEnv) env.delete(name);
  if (spec.unsetEnvAll) env.clear();
  if (settings.envHost) {
    for (const [name, value] of Object.entries(hostEnv))
      if (value !== undefined) env.set(name, value);
  } else if (spec.passesProxies ?? settings.httpProxy) {
    for (const name of proxyNames) {
      const value = hostEnv[name];
      if (value !== undefined) env.set(name, value);
    }
  }
  for (const entry of spec.env) add(env, entry, hostEnv);
  for (const entry of input.secretEnv ?? []) add(env, entry, {});
  if (!env.has("HOSTNAME")) env.set("HOSTNAME", hostnameOf(input));
  if (runsSystemd(spec, image) && !env.has("container_uuid"))
    env.set("container_uuid", input.id.slice(0, 32));
  if (env.has("HOME")) {
    moveToEnd(env, "HOSTNAME"); // so that HOME is never last by chance
  } else {
    env.set("HOME", input.user.home);
  }
  return listOf(env);
}

function moveToEnd(env: Map<string, string>, name: string): void {
  const value = env.get(name);
  if (value === undefined) return;
  env.delete(name);
  env.set(name, value);
}

/** The name of the machine as the container sees it. */
export function hostnameOf({ hostname, spec, settings, name, id }: RuntimeInput): string {
  return hostname ?? spec.hostname ?? (settings.containerNameAsHostname ? name : id.slice(0, 12));
}

/** `KEY=VALUE`; a bare `KEY` takes the value it has in `outer`, if it has one there. */
function add(env: Map<string, string>, entry: string, outer: RuntimeInput["hostEnv"]): void {
  const at = entry.indexOf("=");
  const name = at < 0 ? entry : entry.slice(0, at);
  if (name === "" || entry.includes("\0")) {
    throw new CooperError(
      "invalid-argument",
      `invalid environment variable ${JSON.stringify(entry)}`,
    );
  }
  const value = at < 0 ? outer[name] : entry.slice(at + 1);
  if (value !== undefined) env.set(name, value);
}

/** Variables in the value stand for what they are so far; an unknown one is empty. */
function merge(env: Map<string, string>, entry: string): void {
  const at = entry.indexOf("=");
  if (at < 1) {
    throw new CooperError(
      "invalid-argument",
      `invalid --env-merge ${JSON.stringify(entry)}: must be KEY=VALUE`,
    );
  }
  const value = entry
    .slice(at + 1)
    .replace(
      /\\\$|\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)/g,
      (all, braced?: string, bare?: string) =>
        all === "\\$" ? "$" : (env.get(braced ?? bare ?? "") ?? ""),
    );
  add(env, `${entry.slice(0, at)}=${value}`, {});
}

/** The environment of one more process: the container's, what was set for it, and its own user's HOME. */
export function execEnvironment(
  container: readonly string[],
  options: {
    readonly env: readonly string[];
    readonly hasTty: boolean;
    readonly home: string | null;
  },
): string[] {
  const env = new Map<string, string>();
  for (const entry of container) add(env, entry, {});
  const isDerived = container.at(-1)?.startsWith("HOME=") ?? false;
  if (options.home !== null && (isDerived || !env.has("HOME"))) env.set("HOME", options.home);
  for (const entry of options.env) add(env, entry, {});
  if (options.hasTty && !env.has("TERM")) env.set("TERM", "xterm");
  return listOf(env);
}

function listOf(env: ReadonlyMap<string, string>): string[] {
  return [...env].map(([name, value]) => `${name}=${value}`);
}
