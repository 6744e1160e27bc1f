/** Files that the build puts into the program: the import is a path that can be read. */
declare module "*/build/busybox" {
  const path: string;
  // biome-ignore lint/style/noDefaultExport: how Bun exports a file
  export default path;
}
