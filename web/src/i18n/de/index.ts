import type { Texts } from "..";
import campaigns from "./campaigns";
import common from "./common";
import contacts from "./contacts";
import home from "./home";
import messages from "./messages";
import session from "./session";

const de: Texts = { ...common, ...session, ...home, ...contacts, ...campaigns, ...messages };

export default de;
