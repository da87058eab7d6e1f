"""How much time and memory does the pipeline take as the table grows, compared with training alone?"""
