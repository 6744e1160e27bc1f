/** What Cooper does not decompress by itself. */
import { CooperError } from "../errors.ts";
import { needProgram } from "../system/program.ts";

/** xz and bzip2 are only met in what people download by hand: the machine's own programs do. */
export async function* throughProgram(
  program: string,
  descriptor: number,
  name: string,
): AsyncGenerator<Uint8Array> {
  const child = Bun.spawn([needProgram(program), "-dc"], {
    cwd: "/",
    stdio: [descriptor, "pipe", "pipe"],
  });
  try {
    yield* child.stdout;
    if ((await child.exited) !== 0) {
      const why = (await new Response(child.stderr).text()).trim().split("\n").at(-1);
      throw new CooperError("corrupt", `${name} cannot be decompressed: ${why}`);
    }
  } finally {
    child.kill("SIGKILL");
  }
}
