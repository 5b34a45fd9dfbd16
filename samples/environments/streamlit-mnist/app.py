import streamlit

streamlit.title("Which digit?")
streamlit.write("Draw one, and the model of the sample mnist tells.")
