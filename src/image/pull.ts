export async function pullImage(..._: unknown[]): Promise<any> {
  throw new Error("pull");
}
