/** What a container runs. */
import { CooperError } from "../../errors.ts";
import type { ImageConfig } from "../../oci/image-config.ts";
import type { ContainerSpec } from "../spec.ts";
import type { RuntimeInput } from "./input.ts";

/** Where the init is bound in a container that asked for one. */
export const initTarget = "/run/cooper-init";

/**
 * Entrypoint and command as one list. An entrypoint of the user's own drops the image's command along
 * with its entrypoint (docker-run(1), `--entrypoint`).
 */
export function commandOf(spec: ContainerSpec, image: ImageConfig | null): string[] {
  const entrypoint = spec.entrypoint ?? image?.config?.Entrypoint ?? [];
  const ownCommand = spec.command !== null && spec.command.length > 0 ? spec.command : null;
  const command = ownCommand ?? (spec.entrypoint === null ? image?.config?.Cmd : null) ?? [];
  // [""] is how both peers' clients spell "no entrypoint"
  const isNone = entrypoint.length === 1 && entrypoint[0] === "";
  const args = [...(isNone ? [] : entrypoint), ...command];
  if (args.length === 0) {
    throw new CooperError(
      "invalid-argument",
      "no command to run: neither the image nor the command line names one",
      {
        hint: "write it behind the image: cooper run IMAGE COMMAND",
      },
    );
  }
  const withNul = args.find((arg) => arg.includes("\0"));
  if (withNul !== undefined) {
    throw new CooperError(
      "invalid-argument",
      `the command holds a NUL byte: ${JSON.stringify(withNul)}`,
    );
  }
  return args;
}

/** Whether an init of ours stands in front. */
export function wantsInit(input: Pick<RuntimeInput, "spec" | "settings">): boolean {
  return input.spec.init ?? input.settings.init;
}

/** The whole argument list of the container's first process. */
export function argsOf(input: RuntimeInput): string[] {
  const args = commandOf(input.spec, input.image);
  if (!wantsInit(input)) return args;
  if (input.spec.pid.kind !== "private") {
    throw new CooperError(
      "invalid-argument",
      "--init needs a pid namespace of the container's own",
      {
        hint: "leave out --init, or --pid",
      },
    );
  }
  return [initTarget, "--", ...args];
}

/** The places where systemd is an image's init. */
const systemdInits = ["/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"];

/** Whether the container is set up for systemd as its first process (podman-run(1), `--systemd`). */
export function runsSystemd(spec: ContainerSpec, image: ImageConfig | null): boolean {
  if (spec.systemd === "always") return true;
  if (spec.systemd === "false") return false;
  const [program = ""] = commandOf(spec, image);
  return systemdInits.includes(program) || program === "systemd" || program.endsWith("/systemd");
}
