"""Serve a page on which photos are dropped in, judged, corrected and handed on.

python -m src.app                                 with the champion
python -m src.app model=RUN port=8080 keep=FOLDER

The page can be reached from this machine only, unless remote=true.
"""

from src.config.command import entry_point_of
from src.config.tool_schema import App


@entry_point_of("app/config", App)
def main(config: App) -> None:
    # TensorFlow and MLflow take seconds to import, and a wrong setting must be reported at once.
    from src.page.listening import serve

    serve(config)


if __name__ == "__main__":
    main()
