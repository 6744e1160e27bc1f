/** Errors of starting a process, told with the cause that the container's files show. */
import { CooperError, type ErrorCode } from "../errors.ts";
import type { Host } from "../host.ts";
import { diagnoseContainer } from "../why/diagnose.ts";
import { hintOf } from "../why/hint.ts";
import { keepLast } from "../why/last.ts";
import { withoutValues } from "../why/words.ts";
import { type EvidenceOptions, gatherEvidence } from "./evidence.ts";
import type { ContainerRecord } from "./record.ts";

/** Whose cause is in the files. */
const explainable = new Set<ErrorCode>(["command-not-found", "command-not-executable"]);

/** The same failure with its true cause, as long as the tree is mounted; else the error as it is. */
export async function explained(
  host: Host,
  container: ContainerRecord,
  error: unknown,
  options: Omit<EvidenceOptions, "error">,
): Promise<unknown> {
  if (!(error instanceof CooperError) || !explainable.has(error.code)) return error;
  if (error.hint !== undefined) return error;
  try {
    const { message } = error;
    const evidence = await gatherEvidence(host, container, { ...options, error: message });
    const [found] = diagnoseContainer(evidence);
    if (found === undefined) return error;
    const hint = hintOf([found]);
    const extra = { cause: error.cause ?? error, ...(hint !== undefined && { hint }) };
    return new CooperError(error.code, found.cause, extra);
  } catch (failure) {
    host.debug(`the cause cannot be looked for: ${failure}`);
    return error;
  }
}

/** Keeps what is known of the end of a container that goes with it; its files are still mounted. */
export async function keepEnd(host: Host, container: ContainerRecord): Promise<void> {
  try {
    const { merged } = host.paths.container(container.id);
    const { resolved } = container;
    // what is kept must not hold values of variables
    const createCommand = withoutValues(resolved.createCommand);
    const shown = { ...container, resolved: { ...resolved, createCommand } };
    const evidence = await gatherEvidence(host, shown, { tree: merged });
    keepLast(host.paths.run, {
      at: container.finishedAt,
      subject: `container ${container.name}`,
      message: `exited with ${container.exitCode}, and was removed (--rm)`,
      findings: diagnoseContainer(evidence),
    });
  } catch (failure) {
    host.debug(`what is known of the end is not kept: ${failure}`);
  }
}
