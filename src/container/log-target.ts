/** Where conmon writes what a container prints. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { byteSize } from "../option.ts";
import { isTerminal } from "../system/terminal.ts";
import type { ContainerRecord } from "./record.ts";

export interface LogTarget {
  readonly log: string;
  readonly logMaxBytes: number | null;
  readonly logTag: string | null;
}

/** Both peers' names; json-file is kept in the one format that conmon writes, as Podman does. */
export function logTarget(host: Host, container: ContainerRecord): LogTarget {
  const { logDriver, logPath } = container.resolved;
  const { options } = container.spec.log;
  const size = options["max-size"];
  const logMaxBytes = size === undefined ? host.settings.logMaxBytes : byteSize.parse(size);
  const logTag = options.tag ?? host.settings.logTag;
  switch (logDriver) {
    case "k8s-file":
    case "json-file":
      mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
      return { log: `k8s-file:${logPath}`, logMaxBytes, logTag: null };
    case "journald":
      if (!existsSync("/run/systemd/journal/socket")) {
        throw new CooperError("not-supported", "log driver journald: there is no journal here", {
          hint: "use --log-driver k8s-file",
        });
      }
      return { log: "journald", logMaxBytes: null, logTag };
    case "none":
      return { log: "none", logMaxBytes: null, logTag: null };
    case "passthrough":
      // who has the terminal could type commands into it (TIOCSTI, CVE-2016-9962 and its like)
      if (container.spec.hasTty || [0, 1, 2].some(isTerminal)) {
        throw new CooperError(
          "invalid-argument",
          "log driver passthrough: not on a terminal, which the container could type into",
          { hint: "use --log-driver passthrough-tty if you trust it" },
        );
      }
      return { log: "passthrough", logMaxBytes: null, logTag: null };
    case "passthrough-tty":
      return { log: "passthrough", logMaxBytes: null, logTag: null };
    default:
      throw new CooperError("invalid-argument", `unknown log driver "${logDriver}"`, {
        hint: "k8s-file, json-file, journald, none or passthrough",
      });
  }
}
