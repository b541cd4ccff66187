"""A headless Chromium, steered through its debugging protocol."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile

import aiohttp


def find():
    """The path of Chromium or Chrome; None if there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


class Page:
    """One tab. What it writes to its console as an error or a warning lies in `complaints`."""

    def __init__(self, socket):
        self.socket = socket
        self.numbers = itertools.count(1)
        self.replies = {}
        self.complaints = []

    async def listen(self):
        async for message in self.socket:
            data = json.loads(message.data)
            if "id" in data:
                self.replies.pop(data["id"]).set_result(data)
            elif data["method"] == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(data["params"]["exceptionDetails"])[:500])
            elif data["method"] == "Runtime.consoleAPICalled" and data["params"]["type"] in ("error", "warning"):
                self.complaints.append(json.dumps(data["params"]["args"])[:500])
            elif data["method"] == "Log.entryAdded" and data["params"]["entry"]["level"] in ("error", "warning"):
                self.complaints.append(json.dumps(data["params"]["entry"])[:500])

    async def call(self, method, **parameters):
        number = next(self.numbers)
        reply = self.replies[number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        data = await asyncio.wait_for(reply, 60)
        if "error" in data:
            raise SystemExit(f"FAILED: {method}: {data['error']}")
        return data["result"]

    async def open(self, address):
        for domain in ("Page", "Runtime", "Log"):
            await self.call(domain + ".enable")
        await self.call("Page.navigate", url=address)

    async def run(self, script):
        """The value of a script; waits for it if it is a promise."""
        result = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"FAILED: {script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    async def until(self, script, seconds=60):
        """Waits until a script gives what is true."""
        for _ in range(int(seconds * 20)):
            if value := await self.run(script):
                return value
            await asyncio.sleep(0.05)
        raise SystemExit(f"FAILED: waited in vain for {script}")

    async def click(self, selector, index=0):
        """A click with the mouse in the middle of an element."""
        box = await self.run(
            f"(() => {{ const e = document.querySelectorAll({json.dumps(selector)})[{index}];"
            " e.scrollIntoView({block: 'center'}); const b = e.getClientRects()[0];"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()")
        await self.move(*box)
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    async def move(self, x, y):
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def key(self, key, code, modifiers=0):
        for kind in ("rawKeyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, modifiers=modifiers,
                code={"Enter": "Enter", "Escape": "Escape"}.get(key, key))

    async def size(self, width, height, phone=False):
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1,
            mobile=phone)

    async def picture(self, name):
        """Keeps a picture in the folder that PICTURES names, if it does."""
        if folder := os.environ.get("PICTURES"):
            data = await self.call("Page.captureScreenshot", format="png")
            with open(os.path.join(folder, name + ".png"), "wb") as file:
                file.write(base64.b64decode(data["data"]))


@contextlib.asynccontextmanager
async def page(chromium):
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
             "--remote-debugging-port=0", "--user-data-dir=" + folder, "about:blank"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            for line in process.stderr:
                if match := re.match(r"DevTools listening on ws://([^/]+)/", line):
                    break
            else:
                raise SystemExit("FAILED: the browser did not start")
            async with aiohttp.ClientSession() as session:
                for _ in range(100):
                    async with session.get(f"http://{match[1]}/json") as reply:
                        tabs = [tab for tab in await reply.json(content_type=None) if tab["type"] == "page"]
                    if tabs:
                        break
                    await asyncio.sleep(0.1)
                async with session.ws_connect(tabs[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    tab = Page(socket)
                    listener = asyncio.create_task(tab.listen())
                    yield tab
                    listener.cancel()
        finally:
            process.terminate()
            process.wait(timeout=30)
