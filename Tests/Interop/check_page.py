"""The server's page works in a headless Chromium: it loads, streams, branches, compares, and complains of nothing."""

import asyncio

import browser
from check_lm_eval import train
from check_server import serve
from support import require, temporary_folder

TOKENS = "document.querySelectorAll('.pane:nth-child({}) .t').length"
IDLE = "!document.querySelector('.writing')"


async def check(address):
    async with browser.page(browser.find()) as page:
        await page.size(1100, 800)
        await page.open(address)
        await page.until("document.body?.dataset.ready === 'yes'")
        await page.picture("empty")

        # Write, and see tokens come one after another.
        await page.run("localStorage.setItem('castle.settings', '{\"max_tokens\": 400, \"temperature\": 0.8, \"seed\": \"3\"}')")
        await page.run("location.reload()")
        await asyncio.sleep(0.5)
        await page.until("document.body?.dataset.ready === 'yes'")
        await page.run("document.getElementById('prompt').value = 'The cat sees'; 0")
        await page.run(
            "window.counts = new Set(); window.watch = setInterval(() => counts.add("
            + TOKENS.format(1) + "), 1); 0")
        await page.click("#write")
        await page.until(f"{TOKENS.format(1)} > 10 && {IDLE}")
        seen = await page.run("[...counts]")
        require(len(seen) > 2, f"the text came all at once: {seen}")
        text = await page.run("panes[0].plain()")
        require(text.startswith("The cat sees"), f"the text begins with {text[:40]!r}")
        colored = await page.run("[...document.querySelectorAll('.t')].filter(t => +t.style.getPropertyValue('--s') > 0.05).length")
        require(colored > 3, "no token is colored")
        require("tokens/s" in await page.run("document.querySelector('.figures').textContent"), "no speed is shown")
        await page.picture("written")

        # The alternatives of a token, on hover and by click; the text goes on from one.
        place = await page.run("panes[0].tokens.findIndex(t => !t.isGiven) + 3")
        await page.click(".t", place)
        await page.until("!document.getElementById('card').hidden")
        require(await page.run("document.querySelectorAll('.option').length") > 3, "there are few alternatives")
        await page.picture("alternatives")
        before = await page.run("panes[0].tokens.slice(0, %d).map(t => t.id).join()" % place)
        option = await page.run("panes[0].tokens[%d].options.findIndex(o => o.id !== panes[0].tokens[%d].id)" % (place, place))
        identifier = await page.run("panes[0].tokens[%d].options[%d].id" % (place, option))
        await page.click(".option", option)
        await page.until(f"panes[0].tokens[{place}]?.id === {identifier} && {TOKENS.format(1)} > {place + 3} && {IDLE}")
        require(
            await page.run("panes[0].tokens.slice(0, %d).map(t => t.id).join()" % place) == before,
            "what comes before the chosen token has changed")
        print("page: a text streams, its tokens have colors and alternatives, and it goes on from one")

        # By keys alone.
        count = await page.run("panes[0].tokens.length")
        await page.run("document.querySelector('.text').focus()")
        await page.key("ArrowRight", 39)
        await page.until("!document.getElementById('card').hidden")
        await page.key("Escape", 27)
        await page.until("document.getElementById('card').hidden")
        await page.key("Enter", 13, modifiers=1)
        await page.until(f"panes[0].tokens.length > {count} && {IDLE}")

        # Two models, one beginning; then dark and as a phone.
        await page.run("document.getElementById('two').click()")
        await page.key("Enter", 13, modifiers=2)
        await page.until(f"{TOKENS.format(2)} > 10 && {IDLE}")
        names = await page.run("panes.map(pane => pane.select.value).join()")
        require(names == "small,other", f"the models are {names}")
        await page.picture("two")
        await page.run("document.getElementById('theme').click(); document.getElementById('gear').click()")
        await page.picture("dark")
        await page.size(390, 844, phone=True)
        await page.run("document.getElementById('gear').click(); scrollTo(0, 0)")
        require(await page.run("document.documentElement.scrollWidth <= innerWidth"), "a phone has to scroll sideways")
        await page.picture("phone")
        await page.run("document.querySelectorAll('.t')[12].click()")
        await page.picture("phone-alternatives")

        # A long answer is stopped.
        await page.run("settings.max_tokens = 500; panes[0].begin('A dog'); 0")
        await page.until("panes[0].tokens.length > 3")
        await page.run("stop(); 0")
        await page.until(IDLE)
        require(page.complaints == [], f"the console has {page.complaints}")
        print("page: keys, two models, dark, phone and stopping; the console is empty")


def main():
    if browser.find() is None:
        print("page: not checked, there is no Chromium; Debian has it as chromium")
        return
    with temporary_folder() as folder:
        model = train(folder)
        with serve("--model", f"small={model}", "--model", f"other={model}") as address:
            asyncio.run(check(address))


if __name__ == "__main__":
    main()
