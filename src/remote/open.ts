/** The engine elsewhere that a command line asks for. */
import { join } from "node:path";
import type { GlobalOptions } from "../cli/command.ts";
import type { Engine } from "../engine.ts";
import { storeLocation } from "../store-location.ts";
import { caller } from "../system/userns.ts";
import { chooseTarget, type Places } from "./choose.ts";
import { connectionTarget, listConnections } from "./connections.ts";
import {
  contextPlace,
  contextTarget,
  currentContext,
  findContext,
  needContext,
} from "./contexts.ts";
import { remoteEngine } from "./engine.ts";

/** null: this machine's after all. @param command for errors: what is asked of it */
export async function openElsewhere(
  global: GlobalOptions,
  command: string,
): Promise<Engine | null> {
  const target = chooseTarget(global.remote, process.env, places(global));
  return target === null ? null : remoteEngine(target, command);
}

function places(global: GlobalOptions): Places {
  const { env } = process;
  const who = caller();
  const place = contextPlace(env, global.configDirectory);
  const sshKey = global.remote.identity;
  const all = () => listConnections(env, who.isRootless, who.uid);
  return {
    context(name) {
      const context = findContext(place, name);
      return context && { context, target: () => contextTarget(place, context) };
    },
    connection(name) {
      const connection = all().find((one) => one.name === name);
      return connection && { connection, target: () => connectionTarget(connection, sshKey) };
    },
    configured() {
      const connection = all().find(({ isDefault }) => isDefault);
      if (connection !== undefined) return connectionTarget(connection, sshKey);
      const name = currentContext(place);
      return name === null ? undefined : contextTarget(place, needContext(place, name));
    },
    own: () => join(storeLocation(global, who, env).run, "cooper.sock"),
  };
}
