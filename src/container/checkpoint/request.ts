/** What the start of a container is told that goes on from a checkpoint. */

/** Processes go on where they were frozen. */
export interface RestoreRequest {
  /** Where criu's images are. */
  readonly directory: string;
  /** Flags for the runtime's `restore`. */
  readonly flags: readonly string[];
  /** Called when all is mounted. */
  prepare(): Promise<void>;
  /** Called when the runtime is done, whatever came of it, while its bundle is there. */
  settled(): void;
}
