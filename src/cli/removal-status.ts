/** How commands that remove things end: podman-rm(1), podman-rmi(1), podman-network-rm(1), "Exit Status". */
import { CooperError } from "../errors.ts";

/** Notes the failures of one command; the last one counts. */
export class RemovalStatus {
  private last: number | undefined;

  /** Rethrows what it is told. */
  note(error: unknown): never {
    const code = error instanceof CooperError ? error.code : undefined;
    const isMissing =
      code === "no-such-container" || code === "no-such-image" || code === "no-such-network";
    const isUsed = code === "wrong-state" || code === "conflict";
    this.last = isMissing ? 1 : isUsed ? 2 : undefined;
    throw error;
  }

  /** @param status what the command would end with */
  of(status: number): number {
    return status === 0 ? 0 : (this.last ?? status);
  }
}
