/** Entry of `static/page.js`: a plain script at the end of a saved page. */
import { mountPage } from "./page.ts";

void mountPage(document);
