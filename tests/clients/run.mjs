// Runs a compiled client: node run.mjs CLIENT URL PHOTO. Prints what it saw as JSON.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";

const [client, url, photo] = process.argv.slice(2);
const { journey } = await import(pathToFileURL(client));
const file = new File([await readFile(photo)], basename(photo), { type: "image/jpeg" });
console.log(JSON.stringify(await journey(url, file)));
