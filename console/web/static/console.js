/* What pages gain where there are scripts. All of it works without them, only less smoothly. */
"use strict";

(() => {
  const page = document.documentElement;
  page.classList.add("scripted");

  /* --- htmx: no code from attributes, no style of its own, no page kept in the browser's storage */

  const CHANGING = ["post", "put", "patch", "delete"];

  Object.assign(htmx.config, {
    allowEval: false,
    allowScriptTags: false,
    includeIndicatorStyles: false,
    historyCacheSize: 0,
    refreshOnHistoryMiss: true,
    selfRequestsOnly: true,
    // a form that is refused comes back with its errors
    responseHandling: [
      { code: "204", swap: false },
      { code: "[23]..", swap: true },
      { code: "422", swap: true },
      { code: "[45]..", swap: false, error: true },
    ],
  });

  document.addEventListener("htmx:configRequest", (event) => {
    if (CHANGING.includes(event.detail.verb)) {
      const token = document.querySelector('meta[name="csrf-token"]').content;
      event.detail.headers["X-CSRF-Token"] = token;
    }
  });

  /* --- trouble with an update stands on the page until an update succeeds */

  function tellTrouble(text) {
    const notice = document.getElementById("trouble-notice").content.cloneNode(true);
    notice.querySelector("p").textContent = text;
    document.getElementById("trouble").replaceChildren(notice);
  }

  function forgetTrouble() {
    document.getElementById("trouble").replaceChildren();
  }

  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 401) {
      // where the session has ended, the page itself leads to the sign-in
      window.location.reload();
      return;
    }
    tellTrouble(
      status === 403
        ? "You may not do this, or the page is too old. Reload it and try again."
        : `The server refused (${status}). Reload the page and try again.`,
    );
  });
  document.addEventListener("htmx:sendError", () => {
    tellTrouble("The server cannot be reached. Check your connection and try again.");
  });
  // a stream ends now and then and is opened again: only one that stays away is worth a word
  const PATIENCE_MS = 10000;
  let lost = null;
  document.addEventListener("htmx:sseError", () => {
    const told = "Live updates have stopped. The page asks for them again by itself.";
    lost ??= setTimeout(tellTrouble, PATIENCE_MS, told);
  });
  document.addEventListener("htmx:sseOpen", () => {
    if (lost !== null) forgetTrouble();
    clearTimeout(lost);
    lost = null;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.shouldSwap) forgetTrouble();
  });

  /* --- what is read aloud, politely: one text at a time, and none twice */

  const live = document.getElementById("live");

  function announce(text) {
    const told = text.replace(/\s+/g, " ").trim();
    if (told && told !== live.textContent) live.textContent = told;
  }

  function announceWithin(element) {
    const marked = [...element.querySelectorAll("[data-announce]")];
    if (element.matches("[data-announce]")) marked.unshift(element);
    announce(marked.map((one) => one.dataset.announce || one.textContent).join(". "));
  }

  document.addEventListener("htmx:afterSettle", (event) => announceWithin(event.target));
  document.addEventListener("htmx:sseMessage", (event) => announceWithin(event.target));

  /* --- asks before what cannot be taken back */

  const dialog = document.getElementById("confirm");
  const question = document.getElementById("confirm-text");

  function ask(text, button) {
    question.textContent = text;
    document.getElementById("confirm-yes").textContent = button?.textContent ?? "Yes";
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  }

  const questionOf = (form, button) => button?.dataset.confirm || form.dataset.confirm;
  const isSentByHtmx = (form) => form.matches("[hx-post], [hx-put], [hx-patch], [hx-delete]");
  let confirmed = null;

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const text = questionOf(form, event.submitter);
    if (!text || isSentByHtmx(form) || confirmed === form) {
      confirmed = null;
      return;
    }
    event.preventDefault();
    const button = event.submitter;
    ask(text, button).then((isYes) => {
      if (!isYes) return;
      confirmed = form;
      form.requestSubmit(button);
    });
  });

  document.addEventListener("htmx:confirm", (event) => {
    const button = event.detail.triggeringEvent?.submitter;
    const text = questionOf(event.target, button);
    if (!text) return;
    event.preventDefault();
    ask(text, button).then((isYes) => isYes && event.detail.issueRequest(true));
  });

  /* --- theme: at once here, and in the cookie that the server reads */

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-theme-choice]") || !event.submitter) return;
    event.preventDefault();
    const theme = event.submitter.value;
    if (theme === "system") delete page.dataset.theme;
    else page.dataset.theme = theme;
    const kept = theme === "system" ? "Max-Age=0" : "Max-Age=31536000";
    const secure = window.location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; SameSite=Lax; ${kept}${secure}`;
    for (const button of form.elements) {
      if (button.name === "theme") button.setAttribute("aria-pressed", String(button.value === theme));
    }
    announce(`Appearance: ${theme}`);
  });

  /* --- copy */

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
    } catch (error) {
      // no clipboard without HTTPS, or it is forbidden: it stands selected, for the keys
      window.getSelection().selectAllChildren(source);
      announce("Selected: copy it with the keyboard");
      return;
    }
    button.lastElementChild.textContent = "Copied";
    announce("Copied");
  });

  /* --- menus close as menus do */

  const openMenus = () => document.querySelectorAll("details.menu[open]");

  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      menu.open = false;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    }
  });

  /* --- a timeline that does not fit opens at the present, and not at its empty beginning */

  for (const now of document.querySelectorAll(".tl-now circle")) {
    const region = now.closest(".scroll");
    const ahead = now.getBoundingClientRect().left - region.getBoundingClientRect().left;
    region.scrollLeft += ahead - 0.8 * region.clientWidth;
  }

  /* --- a table that fits needs no stop of the tab key */

  const fits = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const overflows =
        target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
      if (overflows) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  function watch(root) {
    if (root.matches?.(".scroll")) fits.observe(root);
    root.querySelectorAll(".scroll").forEach((one) => fits.observe(one));
  }
  watch(document);
  document.addEventListener("htmx:afterSettle", (event) => watch(event.target));
})();
