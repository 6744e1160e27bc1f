/** The host as the caller, the command line and containers.conf have it. */
import { resolve } from "node:path";
import type { GlobalOptions } from "./cli/command.ts";
import { type Host, openHost } from "./host.ts";
import { pathsUnder } from "./paths.ts";
import { configuredDriver } from "./settings/storage-conf.ts";
import { loadSettings, type Settings } from "./settings.ts";
import { sessionDirectory, storeLocation } from "./store-location.ts";
import { canLimit } from "./system/cgroup.ts";
import { searchFirst } from "./system/program.ts";
import { caller } from "./system/userns.ts";

/** Opens it. Reads the configuration, and touches no file of the store yet. */
export function callerHost(global: GlobalOptions): Host {
  const who = caller();
  // without a session, as in a cron job: systemd's place is there all the same for who lingers
  if (who.isRootless) process.env.XDG_RUNTIME_DIR ??= sessionDirectory(who);
  const settings = loadSettings({
    env: process.env,
    home: process.env.HOME ?? "/",
    isRootless: who.isRootless,
    uid: who.uid,
    modules: global.modules,
    systemRoot: "/",
  });
  setEngineEnvironment(settings);
  searchFirst(settings.helperDirectories);
  const location = storeLocation(global, who, process.env);
  const cgroupManager = global.cgroupManager ?? settings.cgroupManager;
  const host = openHost({
    paths: pathsUnder(location.root, location.run),
    settings: {
      ...settings,
      cgroupManager,
      runtime: global.runtime ?? settings.runtime,
      runtimeFlags: [...settings.runtimeFlags, ...global.runtimeFlags],
      hooksDirectories: directories(global.hooksDirectories, settings.hooksDirectories),
      cdiDirectories: directories(global.cdiSpecDirectories, settings.cdiDirectories),
      conmonPath: global.conmon === null ? settings.conmonPath : resolve(global.conmon),
    },
    isRootless: who.isRootless,
    canLimit: canLimit(who.isRootless, cgroupManager),
    storageDriver: () => global.storageDriver ?? configuredDriver(process.env, who.isRootless),
    forwardedArgs: forwardedArgs(global),
    warn: (message) => process.stderr.write(`Warning: ${message}\n`),
    debug(message) {
      if (global.logLevel === "debug" || global.logLevel === "trace")
        process.stderr.write(`debug: ${message}\n`);
    },
  });
  for (const key of settings.ignoredKeys) host.debug(`${key} means nothing to cooper`);
  return host;
}

const directories = (asked: readonly string[], configured: readonly string[]) =>
  asked.length > 0 ? asked.map((directory) => resolve(directory)) : configured;

/** containers.conf, `[engine] env`: for us and for the programs that we start, not for containers. */
function setEngineEnvironment({ engineEnv }: Settings): void {
  for (const pair of engineEnv) {
    const at = pair.indexOf("=");
    if (at > 0) process.env[pair.slice(0, at)] = pair.slice(at + 1);
  }
}

/** The options that decide where and how: what conmon's exit command must be given again. */
function forwardedArgs(global: GlobalOptions): string[] {
  return [
    ...(global.runtime === null ? [] : ["--runtime", global.runtime]),
    ...global.runtimeFlags.flatMap((flag) => ["--runtime-flag", flag]),
    ...(global.storageDriver === null ? [] : ["--storage-driver", global.storageDriver]),
    ...(global.cgroupManager === null ? [] : ["--cgroup-manager", global.cgroupManager]),
    ...global.hooksDirectories.flatMap((path) => ["--hooks-dir", resolve(path)]),
    ...global.cdiSpecDirectories.flatMap((path) => ["--cdi-spec-dir", resolve(path)]),
    ...global.modules.flatMap((name) => ["--module", name]),
  ];
}
